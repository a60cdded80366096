"""A reload takes what the configuration says of services outside, of budgets and of prices; or nothing at all."""

import json

import pytest

from tests.running import service, write_config
from tests.talking import Talk
from tests.upstreams import upstream

CONFIG = """
providers:
  {providers}
endpoints:
  chat: {{v1: {{task: chat, targets: [{target}]}}}}
{more}
"""
ONE, OTHER = (
    'a: {{kind: openai, base_url: "{one}", api_key: k}}',
    'b: {{kind: openai, base_url: "{other}", api_key: k}}',
)
HI = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}
PRICED = """
prices:
  a/m: {{input: 1.0, output: 1.0}}
budgets:
  all: {{limit: "{limit}"}}
"""


class House:
    """A service whose configuration changes, and two services behind it."""

    def __init__(self, running, config, urls):
        self.running, self.config, self.urls = running, config, urls

    def says(self, target="a/m", providers=(ONE, OTHER), more=""):
        told = "\n  ".join(providers).format(**self.urls)
        self.config.write_text(CONFIG.format(providers=told, target=target, more=more))

    def reload(self, code=0):
        return self.running.cli("models", "reload", code=code)

    def ask(self):
        return self.running.call("/api/chat/v1", HI)


def reloads(house):
    return [json.loads(line) for line in house.running.log if '"event":"reloaded"' in line]


@pytest.fixture
def house(tmp_path):
    with upstream() as (one, one_url), upstream() as (other, other_url):
        urls = {"one": one_url, "other": other_url}
        first = CONFIG.format(providers=f"{ONE}\n  {OTHER}".format(**urls), target="a/m", more="")
        config = write_config(tmp_path, first)
        with service(config, tmp_path / "home") as running:
            made = House(running, config, urls)
            made.one, made.other = one, other
            yield made


def test_another_target_and_another_address_are_asked_after_a_reload(house):
    before = house.ask()
    house.says(target="b/other")
    assert house.reload() == {"swapped": [], "waiting": [], "changed": ["endpoints.chat.v1.targets"]}
    moved = house.ask()
    house.says(target="b/other", providers=(ONE, OTHER.replace("{other}", "{one}")))
    house.reload()
    back = house.ask()

    assert [answer.headers["headworks-target"] for answer in (before, moved, back)] == ["a/m", "b/other", "b/other"]
    assert (len(house.one.asked), len(house.other.asked)) == (2, 1)
    assert house.one.asked[-1]["model"] == "other"


def test_other_settings_of_a_connection_are_taken_and_a_call_under_way_is_not_lost(house):
    house.one.gate.clear()
    talk = Talk(house.running.port, house.running.key)
    talk.ask("/api/chat/v1", HI)
    house.running.until(lambda: len(house.one.asked) == 1)
    house.says(providers=(ONE.replace("api_key: k", "api_key: k, max_connections: 7, idle_connection: 5s"), OTHER))
    house.reload()
    house.one.gate.set()

    assert talk.answer().status == 200
    assert house.ask().status == 200
    talk.close()


@pytest.mark.parametrize(
    ("target", "providers", "why"),
    [
        ("b/m", (ONE,), "no provider is called 'b'"),
        ("b/m", (ONE, OTHER.replace("kind: openai", "kind: unheard-of")), "unheard-of"),
        ("b/m", (ONE, OTHER.replace("api_key: k", 'api_key: k, ca: "gone.pem"').replace("{other}", "https://127.0.0.1:9")), "TLS files"),
        ("a/m", (ONE, ONE.replace("a:", "c:").replace("api_key: k", "api_key: k, max_connections: 7")), "/providers/c"),
    ],
)  # fmt: skip
def test_a_reload_that_is_refused_leaves_every_target_as_it_was(house, target, providers, why):
    both = "a/m, c/m" if "c:" in providers[-1] else target
    house.says(target=both, providers=providers)
    told = house.reload(code=1)
    answer = house.ask()

    assert why in str(told)
    assert answer.headers["headworks-target"] == "a/m"
    house.says(target="b/m")
    house.reload()
    assert house.ask().headers["headworks-target"] == "b/m"


def test_a_model_that_does_not_take_over_after_another_did_puts_the_services_back(tmp_path):
    models = 'models:\n  parrot: {{python: "chatting:Parrot"}}\n  ticks: {{python: "kinds:{model}"}}\n'
    with upstream() as (one, one_url), upstream() as (other, other_url):
        providers = f"{ONE}\n  {OTHER}".format(one=one_url, other=other_url)
        text = models + CONFIG.replace("[{target}]", "[{target}, parrot]")
        config = write_config(
            tmp_path,
            text.format(providers=providers, target="a/m", more="", model="Ticks"),
            ("chatting.py", "kinds.py"),
        )
        with service(config, tmp_path / "home") as running:
            config.write_text(text.format(providers=providers, target="b/m", more="", model="Missing"))
            told = running.cli("models", "reload", code=1)
            kept = running.call("/api/chat/v1", HI)
            config.write_text(text.format(providers=providers, target="b/m", more="", model="Ticks"))
            done = running.cli("models", "reload")
            moved = running.call("/api/chat/v1", HI)

    assert "ticks" in told["error"]
    assert done == {"swapped": ["parrot", "ticks"], "waiting": [], "changed": ["endpoints.chat.v1.targets"]}
    assert [answer.headers["headworks-target"] for answer in (kept, moved)] == ["a/m", "b/m"]
    assert (len(one.asked), len(other.asked)) == (1, 1)


def test_budgets_and_prices_are_taken_and_what_was_spent_stays_spent(house):
    house.says(more=PRICED.format(limit="1 USD"))
    house.reload()
    paid = house.ask()
    house.says(more=PRICED.format(limit="0.000005 USD"))
    house.reload()
    broke = house.ask()
    house.says(more=PRICED.format(limit="1 USD"))
    house.reload()

    assert paid.status == 200
    assert (broke.status, broke.json["code"]) == (402, "budget_exhausted")
    assert house.ask().status == 200


def test_a_key_that_was_refused_is_tried_again_after_a_reload(house):
    house.one.refusal = 401, {"error": {"message": "no", "type": "authentication_error", "code": "invalid_api_key"}}
    refused = [house.ask().json["code"] for _ in range(2)]
    asked = len(house.one.asked)
    house.one.refusal = None
    house.says(providers=(ONE.replace("api_key: k", "api_key: better"), OTHER))
    house.reload()

    assert refused == ["provider_key_rejected"] * 2
    assert asked == 1
    assert house.ask().status == 200


def test_a_reload_names_what_waits_for_a_restart_and_takes_the_rest(house):
    later = """
server: {max_connections: 99}
keys: {rate: 7/s}
records: {retention: 9d}
logs: {calls: false}
"""
    house.says(target="b/other", more=later)
    told = house.reload()
    moved = house.ask()
    house.says(target="b/other")
    back = house.reload()
    house.running.until(lambda: len(reloads(house)) == 2)
    lines = reloads(house)

    waiting = ["server.max_connections", "keys.rate", "records.retention", "logs.calls"]
    assert told["waiting"] == waiting
    assert moved.headers["headworks-target"] == "b/other"
    assert back["waiting"] == []
    assert [(line["level"], line["waiting"]) for line in lines] == [("warning", ", ".join(waiting)), ("info", "")]


def test_a_larger_body_than_any_at_the_start_waits_for_a_restart(house):
    house.config.write_text(house.config.read_text().replace("targets:", "max_body: 32MiB, targets:"))

    assert house.reload()["waiting"] == ["endpoints.chat.v1.max_body"]
