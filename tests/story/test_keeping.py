"""OpenAI's own client on files, batches and fine-tuning jobs: one account behind, many callers before it, each alone."""

import asyncio
import json
from contextlib import ExitStack

import openai
import pytest

from tests.keeping import KEY, account
from tests.running import service, write_config

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: {key}, attempts: 3, resend: true}}
endpoints:
  files: {{v1: {{task: files, targets: ["up/files"]}}}}
  batches: {{v1: {{task: batches, targets: ["up/batches"]}}}}
  talk: {{v1: {{task: chat, targets: ["up/gpt-5-mini"]}}}}
  tuning: {{v1: {{task: fine-tuning, targets: ["up/fine-tuning"]}}}}
"""
LINES = [
    {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-5-mini"}}
    for n in range(3)
]
JSONL = "\n".join(map(json.dumps, LINES)).encode()


class House:
    """The service, the account behind it, and two callers."""

    def __init__(self, running, kept, clients):
        self.running, self.kept, self._clients = running, kept, clients
        self.ada, self.bob = self.caller("ada"), self.caller("bob")

    def caller(self, name, **words):
        """A client with a key of its own."""
        return self.client(self.running.make_key(name, **words))

    def client(self, key):
        return self._clients.enter_context(client_of(self.running, key))


def client_of(running, key, kind=openai.OpenAI):
    return kind(base_url=f"http://127.0.0.1:{running.port}/v1", api_key=key, max_retries=0)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keeping")
    with account() as (kept, url):
        config = write_config(folder, CONFIG.format(url=url, key=KEY))
        with service(config, folder / "home") as running, ExitStack() as clients:
            yield House(running, kept, clients)


def sent(client, content=JSONL, name="input.jsonl", purpose="batch", **more):
    return client.files.create(file=(name, content), purpose=purpose, **more)


def begun(client, file):
    return client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")


def test_a_file_is_sent_described_fetched_and_deleted(house):
    content = bytes(range(256)) * 300 + b"\r\n--headworks\r\n"
    made = sent(house.ada, content, 'a "strange"\u00fc name.bin', "user_data")
    shown = house.ada.files.retrieve(made.id)
    fetched = house.ada.files.content(made.id)
    gone = house.ada.files.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        house.ada.files.retrieve(made.id)

    assert (made.bytes, made.purpose, made.status) == (len(content), "user_data", "processed")
    assert made.filename == 'a "strange"\u00fc name.bin'
    assert shown == made
    assert fetched.read() == content
    assert fetched.response.headers["content-type"] == "application/octet-stream"
    assert (gone.id, gone.deleted) == (made.id, True)
    assert made.id not in house.kept.files


def test_a_batch_is_begun_followed_and_its_results_are_fetched(house):
    file = sent(house.ada)
    batch = house.ada.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
    )
    house.kept.finish_batch(batch.id)
    done = house.ada.batches.retrieve(batch.id)
    output = house.ada.files.content(done.output_file_id).text
    errors = house.ada.files.retrieve(done.error_file_id)

    assert (batch.status, batch.metadata) == ("validating", {"a": "b"})
    assert (done.status, done.request_counts.completed) == ("completed", 3)
    assert [json.loads(line)["custom_id"] for line in output.splitlines()] == ["0", "1", "2"]
    assert errors.purpose == "batch_output"


def test_a_job_is_begun_followed_and_its_results_are_fetched(house):
    file = sent(house.ada, b'{"messages": []}', "train.jsonl", "fine-tune")
    job = house.ada.fine_tuning.jobs.create(model="gpt-5-mini", training_file=file.id, suffix="x")
    asked = json.loads(house.kept.asked[-1][3])
    paused = house.ada.fine_tuning.jobs.pause(job.id)
    resumed = house.ada.fine_tuning.jobs.resume(job.id)
    house.kept.finish_job(job.id)
    done = house.ada.fine_tuning.jobs.retrieve(job.id)
    events = [event.message for event in house.ada.fine_tuning.jobs.list_events(job.id, limit=2)]
    steps = [each.step_number for each in house.ada.fine_tuning.jobs.checkpoints.list(job.id)]
    result = house.ada.files.content(done.result_files[0]).text

    assert (job.status, paused.status, resumed.status, done.status) == ("queued", "paused", "queued", "succeeded")
    assert asked == {"model": "gpt-5-mini", "training_file": file.id, "suffix": "x"}
    assert events == ["m0", "m1", "m2", "m3", "m4"]
    assert (steps, result) == ([10], "step,loss\n1,0.5\n")


def test_an_asynchronous_client_gets_the_same(house):
    async def talk():
        async with client_of(house.running, house.ada.api_key, openai.AsyncOpenAI) as client:
            file = await client.files.create(file=("input.jsonl", JSONL), purpose="batch")
            batch = await client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            cancelled = await client.batches.cancel(batch.id)
            content = await client.files.content(file.id)
            return [each.id async for each in client.files.list(limit=2)], file, cancelled, content.read()

    listed, file, cancelled, content = asyncio.run(talk())

    assert file.id in listed
    assert (cancelled.status, content) == ("cancelling", JSONL)


def test_what_ends_a_file_is_handed_on(house):
    made = sent(house.ada, expires_after={"anchor": "created_at", "seconds": 3600})

    assert made.expires_at == 4_000_003_600


def test_lists_come_in_pages_of_the_callers_own_things(house):
    carol = house.caller("carol")
    mine = []
    for number in range(5):
        sent(house.bob)
        mine.append(sent(carol, purpose="batch" if number % 2 else "user_data").id)
    first = carol.files.list(limit=2)
    oldest_first = [each.id for each in carol.files.list(order="asc", limit=3)]
    batches = [begun(carol, carol.files.retrieve(mine[1])).id for _ in range(3)]

    assert [each.id for each in first.data] == [mine[4], mine[3]]
    assert (first.has_more, first.has_next_page()) == (True, True)
    assert [each.id for each in carol.files.list(limit=2)] == mine[::-1]
    assert oldest_first == mine
    assert [each.id for each in carol.files.list(purpose="batch", limit=1)] == [mine[3], mine[1]]
    assert [each.id for each in carol.batches.list(limit=2)] == batches[::-1]
    assert list(carol.fine_tuning.jobs.list()) == []


def test_what_the_vendor_has_lost_is_left_out_of_a_list_and_can_still_be_given_up(house):
    dora = house.caller("dora")
    files = [sent(dora).id for _ in range(4)]
    for lost in files[1:]:
        house.kept.files.pop(lost)
    listed = [each.id for each in dora.files.list(limit=1)]
    with pytest.raises(openai.NotFoundError):
        dora.files.delete(files[1])

    assert listed == [files[0]]


def test_another_callers_thing_is_answered_exactly_as_one_that_does_not_exist(house):
    file = sent(house.ada)
    batch = begun(house.ada, file)
    job = house.ada.fine_tuning.jobs.create(model="gpt-5-mini", training_file=file.id)
    house.kept.finish_batch(batch.id)
    output = house.ada.batches.retrieve(batch.id).output_file_id
    asked = len(house.kept.asked)
    theirs = {"files": (file.id, output), "batches": (batch.id,), "fine_tuning/jobs": (job.id,)}
    ways = [
        (method, f"/v1/{shelf}/{{}}{end}", thing)
        for shelf, things in theirs.items()
        for thing in things
        for method, end in WAYS[shelf]
    ]
    ways += [("GET", f"/v1/{shelf}?after={{}}", things[0]) for shelf, things in theirs.items()]

    for method, path, thing in ways:
        answers = [ask(house.bob, method, path.format(each)) for each in (thing, thing[:-3] + "xyz")]
        assert [answer.status_code for answer in answers] == [404, 404], (method, path)
        assert answers[0].content == answers[1].content
        assert answers[0].json()["error"]["code"] == "not_found"
    assert len(house.kept.asked) == asked


WAYS = {
    "files": (("GET", ""), ("GET", "/content"), ("DELETE", "")),
    "batches": (("GET", ""), ("POST", "/cancel")),
    "fine_tuning/jobs": (("GET", ""), ("POST", "/cancel"), ("POST", "/pause"), ("GET", "/events"), ("GET", "/checkpoints")),
}  # fmt: skip


def ask(client, method, path, **more):
    """A request that the client itself would not send."""
    url = str(client.base_url).removesuffix("/v1/") + path
    return client._client.request(method, url, headers={"Authorization": f"Bearer {client.api_key}"}, **more)


@pytest.mark.parametrize("shelf", ["batches", "fine_tuning/jobs"])
def test_nothing_is_made_of_another_callers_file(house, shelf):
    file = sent(house.ada)
    asked = len(house.kept.asked)
    bodies = {
        "batches": {"input_file_id": file.id, "endpoint": "/v1/responses", "completion_window": "24h"},
        "fine_tuning/jobs": {"model": "gpt-5-mini", "training_file": file.id},
    }
    answers = [ask(house.bob, "POST", f"/v1/{shelf}", json=bodies[shelf])]
    mine = sent(house.bob)
    validated = {"model": "gpt-5-mini", "training_file": mine.id, "validation_file": file.id}
    nested = {**validated, "validation_file": None, "method": {"deep": [{"er": file.id}]}}
    answers += [ask(house.bob, "POST", "/v1/fine_tuning/jobs", json=body) for body in (validated, nested)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len(house.kept.asked) == asked + 1


def test_a_model_that_another_caller_trained_is_of_no_use_to_others(house):
    file = sent(house.ada, purpose="fine-tune")
    job = house.ada.fine_tuning.jobs.create(model="gpt-5-mini", training_file=file.id)
    house.kept.finish_job(job.id)
    model = house.ada.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    lines = json.dumps({"custom_id": "a", "body": {"model": model}}).encode().replace(b"ft:", b"\\u0066t:")

    with pytest.raises(openai.NotFoundError):
        house.bob.fine_tuning.jobs.create(model=model, training_file=sent(house.bob).id)
    told = []
    for each in (lines, lines.replace(b"org", b"nobody")):
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            sent(house.bob, each)
        told.append(caught.value.message)
    assert told[0] == told[1]
    assert sent(house.ada, lines).purpose == "batch"
    assert house.ada.fine_tuning.jobs.create(model=model, training_file=file.id).model == model


def test_keys_of_one_tenant_share_what_they_keep_and_a_rotated_key_keeps_it(house):
    running = house.running
    one, two = (house.caller(name, tenant="acme") for name in ("one", "two"))
    file = sent(one)
    lone = running.make_key("lone")
    its = sent(house.client(lone))
    for _ in range(2):
        lone = running.call("/admin/keys/rotate", {"id": lone[-59:-51]}, key=running.admin_key).json["key"]

    assert two.files.retrieve(file.id).id == file.id
    assert house.client(lone).files.retrieve(its.id).id == its.id
    with pytest.raises(openai.NotFoundError):
        house.client(lone).files.retrieve(file.id)


@pytest.mark.parametrize(
    "item",
    [
        "..%2f",
        "..%2Fmodels",
        "%2e%2e%2fbatches",
        "file-%00",
        "file%0d%0aX:y",
        "a/../b",
        "a" * 65,
        "file-ü",
        "..",
        "x?y=1",
    ],
)
def test_no_id_leads_anywhere_else(house, item):
    asked = len(house.kept.asked)
    answers = [house.running.call(f"/v1/{shelf}/{quoted(item)}", method="GET") for shelf in WAYS]

    assert {answer.status for answer in answers} <= {400, 404, 422}
    assert len(house.kept.asked) == asked


def quoted(text):
    """As it is, but for what no request line may hold."""
    return text.encode().decode("latin-1") if text.isascii() else "file-%C3%BC"


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "param"),
    [
        ("POST", "/v1/files", {"files": {"file": b"a"}}, 422, "purpose"),
        ("POST", "/v1/files", {"files": {"file": b"a"}, "data": {"purpose": "batch", "action": "delete"}}, 422, "action"),
        ("POST", "/v1/files", {"data": {"purpose": "batch"}, "files": {"other": b"a"}}, 422, "other"),
        ("POST", "/v1/files", {"files": {"file": b"no json"}, "data": {"purpose": "batch"}}, 422, "file"),
        ("POST", "/v1/files", {"json": {}}, 415, None),
        ("POST", "/v1/batches", {"json": {"endpoint": "/v1/responses", "completion_window": "24h"}}, 422, "body.input_file_id"),
        ("POST", "/v1/batches", {"content": b"{"}, 400, None),
        ("POST", "/v1/batches", {"json": {"input_file_id": "../x", "endpoint": "/a", "completion_window": "24h"}}, 422, "body.input_file_id"),
        ("GET", "/v1/files?limit=0", {}, 422, "limit"),
        ("GET", "/v1/files?limit=x", {}, 422, "limit"),
        ("GET", "/v1/batches?order=asc", {}, 422, "order"),
        ("GET", "/v1/fine_tuning/jobs?metadata%5Ba%5D=b", {}, 422, "metadata[a]"),
    ],
)  # fmt: skip
def test_a_request_that_lacks_something_is_refused_before_the_vendor_is_asked(house, method, path, more, status, param):
    asked = len(house.kept.asked)
    answer = ask(house.ada, method, path, **more)

    assert answer.status_code == status, answer.content
    assert answer.json()["error"]["param"] == param
    assert len(house.kept.asked) == asked


def test_a_batch_takes_no_file_that_was_sent_for_something_else(house):
    file = sent(house.ada, b"not looked at", purpose="user_data")
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        begun(house.ada, file)

    assert caught.value.param == "body.input_file_id"
