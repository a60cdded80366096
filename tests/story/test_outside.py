"""An endpoint of an own model and services outside: who answers when one of them cannot, and what a caller sees of it."""

import json

import pytest

from tests.running import service, write_config
from tests.talking import Talk
from tests.upstreams import upstream

CONFIG = """
models:
  parrot: {{python: "chatting:Parrot"}}
  ticks: {{python: "kinds:Ticks"}}
providers:
  up: {{kind: openai, base_url: "{up}", api_keys: [k1, k2], hedge: 0.1}}
  other: {{kind: openai, base_url: "{other}", api_key: k3, attempts: 1}}
  gone: {{kind: openai, base_url: "http://127.0.0.1:9/v1", api_key: k4, attempts: 1}}
endpoints:
  chain: {{v1: {{task: chat, targets: ["gone/m", "up/m", "other/m"]}}}}
  own-last: {{v1: {{task: chat, targets: ["gone/m", parrot]}}}}
  kept: {{v1: {{task: chat, targets: ["up/m"], cache: {{fresh: 1m, stale: 1h}}}}}}
  declared:
    v1:
      task: chat
      targets: ["gone/m"]
      degraded:
        {{id: none, object: chat.completion, created: 0, model: none,
          choices: [{{index: 0, finish_reason: stop, message: {{role: assistant, content: "Ask later."}}}}]}}
  elsewhere: {{v1: {{task: chat, targets: ["up/m"], fallback: {{context_length: "other/long"}}}}}}
  equals: {{v1: {{task: chat, targets: ["up/equal", "other/equal"], balance: load}}}}
  canary:
    v1:
      task: chat
      targets: [{{target: "up/c", weight: 50}}, {{target: "other/c", weight: 50}}]
      outliers: {{least_calls: 8, out_for: 2s}}
  heard: {{v1: {{targets: [ticks], on_disconnect: finish}}}}
  stopped: {{v1: {{targets: [ticks]}}}}
"""
HI = {"messages": [{"role": "user", "content": "hi"}]}
TOO_LONG = {"error": {"message": "secret words", "type": "invalid_request_error", "code": "context_length_exceeded"}}
LACKING = {"error": {"message": "secret words", "type": "invalid_request_error", "code": "unsupported_parameter"}}


class House:
    """The service, and the two services behind it."""

    def __init__(self, running, up, other):
        self.running, self.up, self.other = running, up, other

    def ask(self, endpoint, document=HI, **more):
        return self.running.call(f"/api/{endpoint}/v1", document, **more)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    with upstream() as (up, up_url), upstream() as (other, other_url):
        config = write_config(folder, CONFIG.format(up=up_url, other=other_url), ("chatting.py", "kinds.py"))
        with service(config, folder / "home") as running:
            yield House(running, up, other)


@pytest.fixture(autouse=True)
def well(house):
    house.up.status = house.other.status = 200
    house.up.refusal = house.other.refusal = None


def test_a_service_that_cannot_be_reached_is_followed_by_the_next_and_the_answer_says_so(house):
    answer = house.ask("chain")

    assert answer.status == 200
    assert answer.headers["headworks-target"] == "up/m"
    assert answer.headers["headworks-degraded"] == "fallback"


def test_an_own_model_stands_in_for_a_service(house):
    answer = house.ask("own-last")
    events = house.ask("own-last", headers={"Accept": "text/event-stream"})

    assert answer.headers["headworks-target"] == events.headers["headworks-target"] == "parrot"
    assert answer.json["choices"][0]["message"]["content"] == "You said: hi"
    assert b"event: error" not in events.body


def test_the_same_call_is_answered_from_memory_and_not_for_another_key(house):
    asked = len(house.up.asked)
    other_key = house.running.make_key("somebody else")
    words = {"messages": [{"role": "user", "content": "the same"}]}
    answers = [house.ask("kept", words) for _ in range(3)]
    new = house.ask("kept", words, headers={"Cache-Control": "no-cache"})
    others = house.ask("kept", words, key=other_key)

    assert [answer.headers["headworks-cache"] for answer in answers] == ["miss", "hit", "hit"]
    assert len({answer.body for answer in answers}) == 1
    assert new.headers["headworks-cache"] == others.headers["headworks-cache"] == "miss"
    assert len(house.up.asked) == asked + 3
    assert house.running.call("/api/kept/v1", words, key=other_key).headers["headworks-cache"] == "hit"


def test_every_answer_from_memory_has_a_record_of_its_own(house):
    words = {"messages": [{"role": "user", "content": "recorded"}]}
    ids = [house.ask("kept", words).headers["x-request-id"] for _ in range(2)]
    shown = [house.running.cli("records", "show", request_id) for request_id in ids]

    assert [record["request_id"] for record in shown] == ids
    assert shown[0]["output"] == shown[1]["output"]


def test_what_was_kept_about_a_person_is_forgotten_when_the_person_is_erased(house):
    words, about = {"messages": [{"role": "user", "content": "about ada"}]}, {"X-Subject": "ada"}
    before = [house.ask("kept", words, headers=about).headers["headworks-cache"] for _ in range(2)]
    house.running.cli("records", "erase", "ada")
    after = house.ask("kept", words, headers=about).headers["headworks-cache"]

    assert (before, after) == (["miss", "hit"], "miss")


def test_a_declared_answer_stands_in_when_no_target_answers(house):
    answer = house.ask("declared")

    assert answer.status == 200
    assert answer.headers["headworks-degraded"] == "declared"
    assert answer.json["choices"][0]["message"]["content"] == "Ask later."


def test_what_is_too_long_for_one_goes_to_the_target_declared_for_that(house):
    house.up.refusal = 400, TOO_LONG
    answer = house.ask("elsewhere")
    refused = house.ask("kept", {"messages": [{"role": "user", "content": "long"}]})
    house.up.refusal = None

    assert answer.headers["headworks-target"] == "other/long"
    assert refused.status == 400
    assert refused.json["code"] == "context_length_exceeded"
    assert b"secret words" not in refused.body


def test_what_one_service_lacks_is_asked_of_the_next_and_once_only(house):
    house.up.refusal = 400, LACKING
    asked = len(house.up.asked)
    answer = house.ask("chain")
    alone = house.ask("kept", {"messages": [{"role": "user", "content": "lacking"}]})
    house.up.refusal = None

    assert answer.headers["headworks-target"] == "other/m"
    assert len(house.up.asked) == asked + 2
    assert (alone.status, alone.json["code"]) == (400, "provider_unable")
    assert b"secret words" not in alone.body


def test_equals_share_the_calls_and_none_is_a_fallback(house):
    asked = len(house.up.asked) + len(house.other.asked)
    house.up.gate.clear()
    house.other.gate.clear()
    talks = [Talk(house.running.port, house.running.key) for _ in range(30)]
    for talk in talks:
        talk.ask("/api/equals/v1", HI)
    house.running.until(lambda: len(house.up.asked) + len(house.other.asked) >= asked + 30)
    house.up.gate.set()
    house.other.gate.set()
    answers = [talk.answer() for talk in talks]
    for talk in talks:
        talk.close()

    assert {answer.headers["headworks-target"] for answer in answers} == {"up/equal", "other/equal"}
    assert not any("headworks-degraded" in answer.headers for answer in answers)


def test_a_canary_that_fails_much_more_than_its_equal_is_left_out_and_no_caller_sees_it_fail(house):
    def is_out():
        return house.running.metric("headworks_target_out", endpoint="canary/v1", target="other/c") == 1

    no = 500, {"error": {"message": "no", "type": "server_error", "code": None}}
    for number in range(200):
        house.other.script = [no] if number % 5 in {0, 2} else []
        assert house.ask("canary").status == 200
        if number >= 8 and is_out():
            break
    house.other.script = []
    asked = len(house.other.asked)
    targets = {house.ask("canary").headers["headworks-target"] for _ in range(15)}
    left_out = len(house.other.asked) == asked
    listed = house.running.cli("targets", "list")
    shown = house.running.call("/admin/targets", method="GET", key=house.running.admin_key).json
    house.running.until(lambda: not is_out())
    back = {house.ask("canary").headers["headworks-target"] for _ in range(40)}

    assert targets == {"up/c"}
    assert left_out
    standing = {each["target"]: each["standing"] for each in listed["equals"] if each["endpoint"] == "canary/v1"}
    assert standing == {"up/c": "in", "other/c": "out"}
    assert {each["name"]: each["model"] for each in shown["outside"]}["other/c"] == "closed"
    assert back == {"up/c", "other/c"}


def test_a_stream_whose_client_left_is_heard_out_and_recorded_whole_where_the_endpoint_says_so(house):
    ids = {}
    for endpoint in ("heard", "stopped"):
        talk = Talk(house.running.port, house.running.key)
        talk.ask(f"/api/{endpoint}/v1", {"x": [float(n) for n in range(60)]}, headers={"Accept": "text/event-stream"})
        _, headers = talk._head()
        ids[endpoint] = headers["x-request-id"]
        talk.reset()
    house.running.until(lambda: _outcomes(house, ids) == {"client_gone"})
    told = {name: json.loads(_record(house, request_id)["output"]) for name, request_id in ids.items()}

    assert [event["total"] for event in told["heard"]] == [float(n) for n in range(60)]
    assert len(told["stopped"]) < 60


def test_how_targets_outside_fare_is_measured(house):
    for endpoint in ("declared", "chain"):
        house.ask(endpoint)
    metric = house.running.metric

    assert metric("headworks_target_attempts_total", target="up/m") >= 1
    assert metric("headworks_target_keys_rejected_total", target="up/m") == 0
    assert metric("headworks_target_failed_total", target="gone/m", code="provider_unreachable") >= 1


def _record(house, request_id):
    return house.running.cli("records", "show", request_id)


def _outcomes(house, ids):
    listed = {call["request_id"]: call["outcome"] for call in house.running.cli("records", "list", "--limit", "50")}
    return {listed.get(request_id) for request_id in ids.values()}
