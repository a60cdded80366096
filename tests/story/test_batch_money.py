"""What a batch may cost is held when it begins; what it came to is booked once, however and whenever that is seen."""

import asyncio
import json
import signal
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.keeping import KEY, account
from tests.running import service, start, write_config
from tests.story.test_keeping import client_of, sent

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: {key}}}
  flat: {{kind: openai, base_url: "{url}", api_key: {key}}}
endpoints:
  files: {{v1: {{task: files, targets: ["up/files"]}}}}
  batches: {{v1: {{task: batches, targets: ["up/batches"]}}}}
  talk: {{v1: {{task: chat, targets: ["up/gpt-5-mini"]}}}}
  more: {{v1: {{task: chat, targets: ["up/other"]}}}}
  free: {{v1: {{task: moderation, targets: ["up/free"]}}}}
  odd: {{v1: {{task: chat, targets: ["up/unpriced"]}}}}
prices:
  up/gpt-5-mini: {{input: 1000, output: 10000, batch: 0.5, batch_cached: 50}}
  up/other: {{input: 1000, output: 10000, batch: 0.5}}
  up/free: {{input: 0, output: 0, batch: 1}}
  up/unpriced: {{input: 1000, output: 10000}}
budgets:
  bought: {{per: key, only: buyer, limit: 4 USD, period: total}}
  strict: {{per: key, only: strict, limit: 4 USD}}
  capped: {{per: key, only: capped, limit: 10 USD, ceiling: 4 USD, period: total}}
"""
LINE_USD = 6 * 0.0005 + 4 * 0.00005 + 7 * 0.005
"""Of ten tokens of a line four were cached; all cost half of the usual, but for the cached ones, which have a price of their own."""


def lines(count=3, model="talk", **body):
    """A batch's input."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **body}
    each = [{"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": body} for n in range(count)]
    return "\n".join(map(json.dumps, each)).encode()


class House:
    def __init__(self, running, kept):
        self.running, self.kept = running, kept

    def client(self, key, kind=openai.OpenAI):
        return client_of(self.running, key, kind)

    def begin(self, key, content=None):
        """A batch of a file of its own."""
        with self.client(key) as client:
            file = sent(client, content or lines())
            return client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
            )

    def see(self, key, batch):
        with self.client(key) as client:
            return client.batches.retrieve(batch.id)

    def fetch(self, key, file):
        with self.client(key) as client:
            return client.files.content(file).read()

    def used(self, key):
        """What the service says a key's batches came to."""
        rows = self.running.cli("usage", "--by", "caller,target,endpoint")
        found = [row for row in rows if row["caller"] == key[-59:-51] and row["target"] == "up/batches"]
        return found[0] if found else None


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch-money")
    with account() as (kept, url):
        config = write_config(folder, CONFIG.format(url=url, key=KEY))
        with service(config, folder / "home") as running:
            yield House(running, kept)


def test_what_a_batch_says_it_used_is_booked_once_however_many_look(house):
    key = house.running.make_key("looks")
    batch = house.begin(key)
    house.see(key, batch)
    before = house.used(key)
    house.kept.finish_batch(batch.id)
    with ThreadPoolExecutor(8) as crowd:
        seen = list(crowd.map(lambda _: house.see(key, batch).status, range(16)))
    with house.client(key) as client:
        listed = [each.id for each in client.batches.list()]
    house.fetch(key, house.see(key, batch).output_file_id)
    after = house.used(key)

    assert (set(seen), listed) == ({"completed"}, [batch.id])
    assert (before["cost"], before["unpriced"]) == (0, 1)
    assert after["cost"] == pytest.approx(3 * LINE_USD, abs=2e-6)
    assert after["unpriced"] == 0
    figures = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
    assert [after[name] for name in figures] == [30, 12, 21, 6]
    assert after["endpoint"] == "batches/v1"


def test_where_the_batch_does_not_say_it_its_output_does_as_it_passes(house):
    key = house.running.make_key("reads")
    batch = house.begin(key)
    house.kept.finish_batch(batch.id, tells=False)
    output = house.see(key, batch).output_file_id
    house.kept.contents[output] = (house.kept.contents[output] + b"\n") * 30_000  # more than sockets hold
    with house.client(key) as client, client.files.with_streaming_response.content(output) as answer:
        next(answer.iter_bytes(1000))
    unread = house.used(key)
    contents = [house.fetch(key, output) for _ in range(2)]
    read = house.used(key)

    assert contents == [house.kept.contents[output]] * 2
    assert (unread["cost"], unread["unpriced"], unread["input_tokens"]) == (0, 1, 0)
    assert read["cost"] == pytest.approx(90_000 * LINE_USD, abs=2e-6)
    assert (read["unpriced"], read["output_tokens"]) == (0, 630_000)


def test_an_asynchronous_client_books_the_same(house):
    key = house.running.make_key("async")

    async def talk():
        async with house.client(key, openai.AsyncOpenAI) as client:
            file = await client.files.create(file=("in.jsonl", lines()), purpose="batch")
            batch = await client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            house.kept.finish_batch(batch.id, tells=False)
            done = await client.batches.retrieve(batch.id)
            return (await client.files.content(done.output_file_id)).text

    assert len(asyncio.run(talk()).splitlines()) == 3
    assert house.used(key)["cost"] == pytest.approx(3 * LINE_USD, abs=2e-6)


def test_lines_of_several_models_are_booked_by_what_each_answer_says(house):
    key = house.running.make_key("several")
    batch = house.begin(key, lines(2) + b"\n" + lines(1, "other"))
    house.kept.finish_batch(batch.id)
    house.fetch(key, house.see(key, batch).output_file_id)

    other = 10 * 0.0005 + 7 * 0.005
    assert house.used(key)["cost"] == pytest.approx(2 * LINE_USD + other, abs=3e-6)


@pytest.mark.parametrize(("status", "done"), [("cancelled", 1), ("expired", 2), ("failed", 0)])
@pytest.mark.parametrize("tells", [True, False])
def test_of_a_batch_that_did_not_end_well_what_was_done_is_booked(house, status, done, tells):
    key = house.running.make_key(f"{status} {tells}")
    batch = house.begin(key)
    house.kept.finish_batch(batch.id, status, done, tells)
    output = house.see(key, batch).output_file_id
    if output:
        house.fetch(key, output)
    used = house.used(key)

    assert (used["cost"], used["unpriced"]) == (pytest.approx(done * LINE_USD, abs=2e-6), 0)


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_output_that_is_deleted_unread_is_read_first(house, is_lost):
    key = house.running.make_key(f"deletes {is_lost}")
    batch = house.begin(key)
    house.kept.finish_batch(batch.id, tells=False)
    output = house.see(key, batch).output_file_id
    with house.client(key) as client:
        if is_lost:
            house.kept.contents.pop(output)
        client.files.delete(output)
    used = house.used(key)

    assert used["unpriced"] == is_lost
    assert used["cost"] == (0 if is_lost else pytest.approx(3 * LINE_USD, abs=2e-6))


def test_a_batch_of_a_model_without_a_price_for_batches_stays_unpriced_with_its_tokens(house):
    key = house.running.make_key("unpriced")
    batch = house.begin(key, lines(model="unpriced"))
    house.kept.finish_batch(batch.id)
    house.see(key, batch)
    used = house.used(key)

    assert (used["cost"], used["unpriced"], used["input_tokens"], used["output_tokens"]) == (0, 1, 30, 21)


def test_what_is_free_is_free_though_nobody_says_what_was_used(house):
    key = house.running.make_key("free")
    batch = house.begin(key, lines(model="free"))
    house.kept.finish_batch(batch.id, tells=False)
    output = house.see(key, batch).output_file_id
    house.kept.contents[output] = b'{"response": {"status_code": 200, "body": {"results": []}}}'
    house.fetch(key, output)
    used = house.used(key)

    assert (used["cost"], used["unpriced"]) == (0, 0)


def test_under_a_budget_the_most_that_lines_may_cost_is_held_until_they_came_to_less(house):
    key = house.running.make_key("buyer")
    content = lines(3, max_completion_tokens=100)
    first = house.begin(key, content)
    with pytest.raises(openai.APIStatusError) as full:
        [house.begin(key, content) for _ in range(3)]
    house.kept.finish_batch(first.id)
    house.see(key, first)
    again = house.begin(key, content)

    assert (full.value.status_code, full.value.code) == (402, "insufficient_quota")
    assert again.status == "validating"


@pytest.mark.parametrize(
    ("content", "is_bound"),
    [
        (lines(), False),
        (lines(max_tokens=7), True),
        (lines(max_tokens=7, n=10), True),
        (lines(max_tokens=7, service_tier="priority"), False),
        (lines(model="unpriced", max_tokens=7), False),
        (lines(max_tokens=7).replace(b"/v1/chat/completions", b"/v1/images/edits"), False),
    ],
)
def test_a_batch_that_nothing_bounds_is_refused_under_a_budget_and_says_what_would(house, content, is_bound):
    key = house.running.make_key("strict")
    if is_bound:
        assert house.begin(key, content).status == "validating"
        return
    with pytest.raises(openai.APIStatusError) as caught:
        house.begin(key, content)

    assert (caught.value.status_code, caught.value.code) == (402, "price_unknown")
    assert "Give every line a cap" in caught.value.message


def test_a_ceiling_is_held_and_gives_way_to_what_a_batch_came_to(house):
    key = house.running.make_key("capped")
    batches = [house.begin(key) for _ in range(2)]
    with pytest.raises(openai.APIStatusError):
        house.begin(key)
    house.kept.finish_batch(batches[0].id)
    house.see(key, batches[0])

    assert house.begin(key).status == "validating"
    with pytest.raises(openai.APIStatusError):
        house.begin(key)


def test_what_was_booked_outlives_the_service_and_is_not_booked_again(tmp_path):
    with account() as (kept, url):
        config, home = write_config(tmp_path, CONFIG.format(url=url, key=KEY)), tmp_path / "home"
        running = start(config, home)
        house, admin = House(running, kept), running.key
        key = running.make_key("capped")
        batches = [house.begin(key) for _ in range(2)]
        kept.finish_batch(batches[0].id)
        house.see(key, batches[0])
        running.stop(signal.SIGKILL)
        running = start(config, home, key=admin)
        house = House(running, kept)
        booked = house.used(key)
        house.see(key, batches[0])
        again = house.used(key)
        third = house.begin(key)
        with pytest.raises(openai.APIStatusError) as full:
            house.begin(key)
        verdict = running.cli("records", "verify")
        running.stop()

    assert booked["cost"] == again["cost"]
    assert booked["cost"] == pytest.approx(3 * LINE_USD, abs=2e-6)
    assert third.status == "validating"
    assert full.value.status_code == 402
    assert verdict["whole"]
