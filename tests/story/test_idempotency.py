"""Idempotency-Key: one call is run once, its answer given again, whatever happens in between."""

import signal

import pytest

from tests.running import service, write_config
from tests.talking import Crowd, Talk

EVENTS = {"Accept": "text/event-stream"}
CONFIG = """
models:
  echo: {python: "kinds:Echo"}
  count: {python: "kinds:Count"}
  later: {python: "kinds:Later"}
endpoints:
  echo: {v1: {targets: [echo]}}
  count: {v1: {targets: [count]}}
  later: {v1: {targets: [later]}}
logs: {calls: false}
"""


def once(key, **more):
    return {"Idempotency-Key": key, **more}


def is_replay_of(first, again):
    return (
        again.headers.get("idempotency-replayed") == "true"
        and again.headers["headworks-original-request-id"] == first.headers["x-request-id"]
        and again.headers["x-request-id"] != first.headers["x-request-id"]
        and (again.status, again.body, again.headers["content-type"])
        == (first.status, first.body, first.headers["content-type"])
    )


def test_while_the_first_call_runs_a_second_is_told_to_wait_and_another_body_is_refused(served):
    with Talk(served.port, served.key) as talk:
        talk.ask("/api/later/v1", {"x": [1.0]}, headers=once("slow"))
        served.until(lambda: served.metric("headworks_model_running_calls", model="later") == 1)
        second = served.call("/api/later/v1", {"x": [1.0]}, headers=once("slow"))
        other = served.call("/api/later/v1", {"x": [0.5]}, headers=once("slow"))
        first = talk.answer()
        third = served.call("/api/later/v1", {"x": [1.0]}, headers=once("slow"))

    assert (second.status, second.json["code"]) == (409, "idempotency_running")
    assert int(second.headers["retry-after"]) >= 1
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    assert first.status == 200
    assert is_replay_of(first, third)


def test_of_many_at_once_one_runs(served):
    def same(talk, client):
        return talk.call("/api/later/v1", {"x": [0.05]}, headers=once("many"))

    with Crowd(served.port, served.key, same, clients=8) as crowd:
        served.until(lambda: any("idempotency-replayed" in answer.headers for answer in crowd.kept))
    first = [answer for answer in crowd.kept if answer.status == 200 and "idempotency-replayed" not in answer.headers]
    replays = [answer for answer in crowd.kept if "idempotency-replayed" in answer.headers]
    rest = {answer.json["code"] for answer in crowd.kept if answer.status != 200}

    assert len(first) == 1
    assert replays
    assert all(is_replay_of(first[0], replay) for replay in replays)
    assert rest <= {"idempotency_running"}


def test_the_key_is_the_callers_own_and_the_endpoints(served):
    stranger = served.make_key("stranger")
    first = served.call("/api/echo/v1", {"text": "mine"}, headers=once("own"))
    others = [
        served.call("/api/echo/v1", {"text": "mine"}, key=stranger, headers=once("own")),
        served.call("/api/private/v1", {"text": "mine"}, headers=once("own")),
    ]

    assert [answer.status for answer in (first, *others)] == [200] * 3
    assert not any("idempotency-replayed" in answer.headers for answer in others)


def test_asking_for_another_form_of_answer_is_another_call(served):
    served.call("/api/count/v1", {"x": [1]}, headers=once("form"))
    events = served.call("/api/count/v1", {"x": [1]}, headers=once("form", **EVENTS))

    assert (events.status, events.json["code"]) == (422, "idempotency_mismatch")


def test_a_stream_is_replayed_event_by_event(served):
    first = served.call("/api/count/v1", {"x": [1, 2, 3]}, headers=once("stream", **EVENTS))
    again = served.call("/api/count/v1", {"x": [1, 2, 3]}, headers=once("stream", **EVENTS))

    assert first.body.count(b"data: ") == 4
    assert is_replay_of(first, again)


def test_a_table_is_replayed_as_a_table(served):
    rows, table = [{"x": [1]}, {"x": [2]}], once("table", Accept="text/csv")
    first, again = (served.call("/api/sum/v2", rows, headers=table) for _ in range(2))

    assert first.body == b"total\r\n1.0\r\n2.0\r\n"
    assert is_replay_of(first, again)


@pytest.mark.parametrize("path", ["/api/hashed/v1", "/api/unkept/v1"])
def test_a_stream_is_replayed_whatever_the_record_keeps_of_it(served, path):
    answers = [served.call(path, {"x": [1, 2]}, headers=once("kept-" + path[5], **EVENTS)) for _ in range(2)]

    assert answers[0].body.count(b"data: ") == 3
    assert is_replay_of(*answers)


@pytest.mark.parametrize(("name", "x"), [("at once", [-1]), ("midway", [1, -1])])
def test_a_stream_that_failed_may_be_tried_again_under_its_key(served, name, x):
    answers = [
        served.call("/api/count/v1", {"x": x}, headers=once(f"fails {name}".replace(" ", "-"), **EVENTS))
        for _ in range(2)
    ]

    assert not any("idempotency-replayed" in answer.headers for answer in answers)
    assert [b'"code":"model_error"' in answer.body for answer in answers] == [True, True]


def test_a_stream_whose_reader_left_may_be_tried_again_under_its_key(served):
    gone = served.metric("headworks_requests_total", endpoint="count", outcome="client_gone")
    with Talk(served.port, served.key) as talk:
        talk.ask("/api/count/v1", {"x": [2000] * 20}, headers=once("left", **EVENTS))
        assert b"200 OK" in talk.read()
    served.until(lambda: served.metric("headworks_requests_total", endpoint="count", outcome="client_gone") > gone)
    again = served.call("/api/count/v1", {"x": [2000] * 20}, headers=once("left", **EVENTS))

    assert again.status == 200
    assert "idempotency-replayed" not in again.headers
    assert again.body.endswith(b"event: end\ndata: {}\n\n")


def test_a_call_whose_caller_left_may_be_tried_again_under_its_key(served):
    with Talk(served.port, served.key) as talk:
        talk.ask("/api/later/v1", {"x": [0.6]}, headers=once("gone"))
        served.until(lambda: served.metric("headworks_model_running_calls", model="later") == 1)
    served.until(lambda: served.metric("headworks_model_running_calls", model="later") == 0)
    again = served.call("/api/later/v1", {"x": [0.6]}, headers=once("gone"))

    assert again.status == 200
    assert "idempotency-replayed" not in again.headers


def test_an_answer_too_large_to_be_kept_spends_its_key(served):
    large = {"text": "a" * 1_500_000}
    first = served.call("/api/echo/v1", large, headers=once("large"))
    again = served.call("/api/echo/v1", large, headers=once("large"))

    assert first.status == 200
    assert (again.status, again.json["code"]) == (409, "idempotency_spent")


@pytest.mark.parametrize("key", ["", "a" * 256, "with space", "\u00e9"])
def test_a_key_that_is_no_key_is_refused(served, key):
    answer = served.call("/api/echo/v1", {"text": "a"}, headers={"Idempotency-Key": key.encode("latin-1")})

    assert (answer.status, answer.json["code"]) == (400, "malformed_request")


def test_answers_outlive_a_restart_and_a_kill_and_what_a_kill_cut_off_is_known(tmp_path):
    config, home = write_config(tmp_path, CONFIG), tmp_path / "home"
    with service(config, home) as running:
        key = running.key
        first = running.call("/api/echo/v1", {"text": "a"}, headers=once("kept"))
    with service(config, home, key=key) as running:
        after_stop = running.call("/api/echo/v1", {"text": "a"}, headers=once("kept"))
        with Talk(running.port, key) as unary, Talk(running.port, key) as stream:
            unary.ask("/api/later/v1", {"x": [3.0]}, headers=once("cut"))
            stream.ask("/api/count/v1", {"x": [2000] * 60}, headers=once("cut-stream", **EVENTS))
            assert b"200 OK" in stream.read()
            running.until(lambda: running.metric("headworks_model_running_calls", model="later") == 1)
            running.stop(signal.SIGKILL)
    with service(config, home, key=key) as running:
        after_kill = running.call("/api/echo/v1", {"text": "a"}, headers=once("kept"))
        unary = running.call("/api/later/v1", {"x": [0.0]}, headers=once("cut"))
        stream = running.call("/api/count/v1", {"x": [2000] * 60}, headers=once("cut-stream", **EVENTS))

    assert is_replay_of(first, after_stop)
    assert is_replay_of(first, after_kill)
    assert unary.status == 200
    assert "idempotency-replayed" not in unary.headers
    assert (stream.status, stream.json["code"]) == (409, "idempotency_spent")


def test_an_answer_is_forgotten_after_its_time(tmp_path):
    config = write_config(tmp_path, CONFIG + "records: {replay_for: 300ms}\n")
    with service(config, tmp_path / "home") as running:
        first = running.call("/api/echo/v1", {"text": "a"}, headers=once("brief"))
        running.until(
            lambda: (
                "idempotency-replayed" not in running.call("/api/echo/v1", {"text": "b"}, headers=once("brief")).headers
                and running.call("/api/echo/v1", {"text": "b"}, headers=once("brief")).status == 200
            )
        )

    assert first.status == 200
