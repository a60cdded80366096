"""Models that hang, clients that leave or dawdle, and more calls than can be served: the others go on."""

import random
from contextlib import ExitStack

import pytest

from tests.running import service, write_config
from tests.talking import Crowd, Talk, request

CONFIG = """
models:
  alone: {python: "hard:Alone"}
  gate: {python: "hard:Gate", env: {GATE: "GATE_FILE"}, hard_timeout: 60s}
  steady: {python: "hard:Steady"}
  hung: {python: "hard:Hung", hard_timeout: 700ms}
  flood: {python: "hard:Flood"}
endpoints:
  alone: {v1: {targets: [alone]}}
  gate: {v1: {targets: [gate], timeout: 60s}}
  steady: {v1: {targets: [steady], timeout: 1500ms}}
  hung: {v1: {targets: [hung], timeout: 20s}}
  flood: {v1: {targets: [flood], timeout: 60s}}
server: {head_timeout: 1s, request_timeout: 2s}
logs: {calls: false}
"""
GONE = 1000
WAVES, WAVE = 4, 150


@pytest.fixture(scope="module")
def pressed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pressed")
    config = write_config(folder, CONFIG.replace("GATE_FILE", str(folder / "open")), models=("hard.py",))
    with service(config, folder / "home") as running:
        running.gate = folder / "open"
        yield running


def echo(talk, client):
    answer = talk.call("/api/alone/v1", {"text": f"of {client}"})
    assert (answer.status, answer.json) == (200, {"text": f"of {client}"}), answer.body
    return answer


def test_a_hung_model_is_ended_and_replaced_while_others_answer(pressed):
    key = pressed.make_key("impatient")
    with Crowd(pressed.port, key, echo, clients=2) as crowd, Talk(pressed.port, key) as talk:
        hung, after = [], []
        for _ in range(2):
            hung.append(talk.call("/api/hung/v1", {"text": "hang"}))
            crowd.until(10)
            after.append(talk.call("/api/hung/v1", {"text": "b"}))

    assert [(answer.status, answer.json["code"]) for answer in hung] == [(504, "deadline_exceeded")] * 2
    assert [(answer.status, answer.json) for answer in after] == [(200, {"text": "b"})] * 2
    assert pressed.metric("headworks_model_restarts_total", model="hung") >= 2


def test_calls_of_a_thousand_clients_that_left_are_never_computed(pressed):
    """One call holds the model; the clients of the others go away before it is let on."""
    key = pressed.make_key("leaving")
    with Talk(pressed.port, key, timeout=90) as talk:
        first = int(talk.call("/api/gate/v1", {"text": "how many"}).json["text"])
        talk.ask("/api/gate/v1", {"text": "hold"})
        pressed.until(lambda: pressed.metric("headworks_model_running_calls", model="gate") == 1)
        chance = random.Random(3)
        for _ in range(GONE // 100):
            talks = [Talk(pressed.port, key) for _ in range(100)]
            for each in talks:
                each.ask("/api/gate/v1", {"text": "never mind"})
            for each in talks:
                chance.choice((each.close, each.reset))()
        pressed.until(
            lambda: pressed.metric("headworks_requests_total", endpoint="gate", outcome="client_gone") >= GONE
        )
        queued = pressed.metric("headworks_model_queued_calls", model="gate")
        pressed.gate.touch()
        held = talk.answer()
        last = int(talk.call("/api/gate/v1", {"text": "how many"}).json["text"])

    assert held.status == 200
    assert queued == 0
    assert last - first == 2


def test_clients_that_dawdle_are_sent_away_and_hold_nobody_up(pressed):
    key = pressed.make_key("dawdling")
    whole = request("/api/alone/v1", {"text": "slow"}, key=key)
    with ExitStack() as stack, Crowd(pressed.port, key, echo, clients=2) as crowd:
        talks = [stack.enter_context(Talk(pressed.port)) for _ in range(60)]
        for number, talk in enumerate(talks):
            talk.send(whole[:30] if number % 2 else whole[:-5])
        crowd.until(20)
        answers = [talk.answer() for talk in talks]
        ends = [talk.read() for talk in talks]
        crowd.until(20)

    assert [answer.status for answer in answers] == [408] * 60
    assert {answer.headers["connection"] for answer in answers} == {"close"}
    assert ends == [b""] * 60


def test_readers_that_read_nothing_cost_neither_memory_nor_others_time(pressed):
    key = pressed.make_key("reading")
    before = pressed.metric("process_resident_memory_bytes")
    with ExitStack() as stack, Crowd(pressed.port, key, echo, clients=2) as crowd:
        for _ in range(20):
            talk = stack.enter_context(Talk(pressed.port, key))
            talk.ask("/api/flood/v1", {"text": "a"}, headers={"Accept": "text/event-stream"})
        pressed.until(lambda: pressed.metric("headworks_model_running_calls", model="flood") == 20)
        crowd.until(300)
        after = pressed.metric("process_resident_memory_bytes")
    pressed.until(lambda: pressed.metric("headworks_model_running_calls", model="flood") == 0)

    assert after - before < 200 * 2**20, "20 streams of 50 MB each are held in memory"


def test_more_than_can_be_served_is_refused_early_and_what_is_accepted_is_in_time(pressed):
    """Waves of calls at once, three times what the model can do within their deadline."""
    key = pressed.make_key("many")
    with Talk(pressed.port, key) as talk:
        assert [talk.call("/api/steady/v1", {"text": "a"}).status for _ in range(20)] == [200] * 20
    answers = []
    with ExitStack() as stack:
        talks = [stack.enter_context(Talk(pressed.port, key)) for _ in range(WAVE)]
        for _ in range(WAVES):
            for number, talk in enumerate(talks):
                talk.ask("/api/steady/v1", {"text": str(number)})
            wave = [(str(number), talk.answer()) for number, talk in enumerate(talks)]
            assert all(answer.json["text"] == text for text, answer in wave if answer.status == 200)
            answers += [answer for _, answer in wave]
        health = pressed.get("/health/ready", key="")

    statuses = [answer.status for answer in answers]
    refused = [answer for answer in answers if answer.status == 503]
    assert set(statuses) <= {200, 503, 504}
    assert statuses.count(200) >= 10 * WAVES
    assert statuses.count(503) >= WAVE * WAVES // 4
    assert statuses.count(504) <= WAVE * WAVES // 10, "accepted, and late"
    assert {answer.json["code"] for answer in refused} == {"overloaded"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert health.status == 200


def test_a_caller_that_asks_for_everything_leaves_room_for_others(pressed):
    """A key is told 429 beyond its own concurrency; another key is served meanwhile."""
    greedy, modest = pressed.make_key("greedy", concurrency=5), pressed.make_key("modest")
    with ExitStack() as stack, Crowd(pressed.port, modest, echo, clients=1) as crowd:
        talks = [stack.enter_context(Talk(pressed.port, greedy)) for _ in range(40)]
        for talk in talks:
            talk.ask("/api/steady/v1", {"text": "a"})
        answers = [talk.answer() for talk in talks]
        crowd.until(5)

    statuses = [answer.status for answer in answers]
    refused = [answer for answer in answers if answer.status == 429]
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 5
    assert {answer.json["code"] for answer in refused} == {"concurrency_exceeded"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
