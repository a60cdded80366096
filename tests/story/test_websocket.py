"""Many calls over one WebSocket, each through the whole path; held against an independent client."""

import json
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.talking import Crowd

PAGE = "http://localhost:8080"


@contextmanager
def socket(served, key=None, path="/api/echo/v1/ws", origin=None, **more):
    headers = {} if key == "" else {"Authorization": f"Bearer {key or served.key}"}
    url = f"ws://127.0.0.1:{served.port}{path}"
    with connect(url, additional_headers=headers, origin=origin, compression=None, open_timeout=20, **more) as opened:
        yield Client(opened)


class Client:
    """Sends documents and sorts what comes back."""

    def __init__(self, opened):
        self.opened = opened

    def send(self, **message):
        self.opened.send(json.dumps(message))

    def receive(self):
        return json.loads(self.opened.recv(timeout=20))

    def ask(self, **message):
        self.send(**message)
        return self.receive()

    def close_code(self):
        """Read to the end; gives why the other side closed."""
        try:
            while True:
                self.opened.recv(timeout=20)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


def refusal(served, **more):
    with pytest.raises(InvalidStatus) as caught, socket(served, **more):
        pass
    return caught.value.response


def test_several_endpoints_answer_over_one_connection_in_any_order(served):
    with socket(served) as ws:
        ws.send(id=1, endpoint="later", version=1, input={"x": [0.3]})
        ws.send(id=2, input={"text": "quick"})
        ws.send(id=3, endpoint="sum", version=2, input=[{"x": [1]}, {"x": [2]}])
        ws.send(id=4, endpoint="count", version=1, stream=True, input={"x": [1, 2]})
        messages = [ws.receive() for _ in range(6)]
    ends = {message["id"]: message for message in messages if "status" in message}
    events = [message["event"] for message in messages if "event" in message]

    assert ends[1]["output"] == {"total": 0.3}
    assert ends[2]["output"] == {"text": "quick"}
    assert ends[3]["output"] == [{"total": 1.0}, {"total": 2.0}]
    assert ends[4]["end"] is True
    assert events == [{"total": 1.0}, {"total": 2.0}]
    assert messages[-1]["id"] == 1
    assert len({end["request_id"] for end in ends.values()}) == 4


def test_every_call_over_a_socket_is_recorded_as_such(served):
    with socket(served) as ws:
        ids = [ws.ask(id=n, input={"text": str(n)})["request_id"] for n in range(3)]
    calls = {call["request_id"]: call for call in served.cli("records", "list", "--limit", "200")}

    assert [calls[each]["via"] for each in ids] == ["ws"] * 3


def test_the_key_may_come_in_the_first_message(served):
    with socket(served, key="") as ws:
        ws.send(authorization=f"Bearer {served.key}")

        assert ws.ask(id=1, input={"text": "a"})["output"] == {"text": "a"}


@pytest.mark.parametrize("first", [{"id": 1, "input": {"text": "a"}}, {"authorization": "Bearer hw_live_wrong"}])
def test_without_a_key_the_first_message_is_the_last(served, first):
    with socket(served, key="") as ws:
        answer = ws.ask(**first)

        assert answer["status"] == 401
        assert ws.close_code() == 1008


def test_a_wrong_key_is_refused_before_the_connection_is_one(served):
    assert refusal(served, key="hw_live_wrong").status_code == 401


def test_a_key_in_the_url_is_refused(served):
    assert refusal(served, key="", path=f"/api/echo/v1/ws?api_key={served.key}").status_code == 400


def test_pages_of_other_origins_are_refused_and_configured_ones_served(served):
    with socket(served, origin=PAGE) as ws:
        assert ws.ask(id=1, input={"text": "a"})["status"] == 200
    assert refusal(served, origin="http://evil.example").status_code == 403
    assert refusal(served, key="", origin="null").status_code == 403


@pytest.mark.parametrize(("path", "status"), [("/api/echo/v1", 405), ("/ws", 404), ("/api/echo/ws", 404)])
def test_a_socket_is_only_where_it_is_said_to_be(served, path, status):
    assert refusal(served, path=path).status_code in {status, 401, 404}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"id": 1, "input": {"text": 1}}, 422),
        ({"id": 1, "input": {"words": "a"}}, 422),
        ({"id": 1, "endpoint": "none", "input": {"text": "a"}}, 404),
        ({"id": 1, "version": 9, "input": {"text": "a"}}, 404),
        ({"id": 1, "endpoint": "sum", "version": 3, "input": {"x": [1]}}, 410),
        ({"id": 1, "endpoint": "poison", "input": {"text": "raise"}}, 502),
        ({"id": 1, "endpoint": "later", "input": {"x": [5]}, "deadline_ms": 50}, 504),
        ({"id": 1}, 400),
        ({"input": {"text": "a"}}, 400),
        ({"id": -1, "input": {"text": "a"}}, 400),
        ({"id": 1, "input": {"text": "a"}, "colour": "red"}, 400),
        ({"id": 1, "endpoint": "../admin", "input": {}}, 400),
        ({"cancel": 7}, 400),
    ],
)
def test_a_bad_message_is_answered_as_a_problem_and_the_connection_goes_on(served, message, status):
    with socket(served) as ws:
        answer = ws.ask(**message)
        after = ws.ask(id=2, input={"text": "b"})

    assert answer["status"] == status
    assert answer["error"]["status"] == status
    assert isinstance(answer["error"]["error"], str)
    assert after["output"] == {"text": "b"}


@pytest.mark.parametrize(
    ("raw", "status"),
    [("{", 400), ("[]", 400), ('"a"', 400), ("", 400), ('{"id":1,"input":' + "[" * 100_000, 400), (b"\x00\x01", 415)],
)
def test_what_is_no_message_is_refused_and_the_connection_goes_on(served, raw, status):
    with socket(served) as ws:
        ws.opened.send(raw)
        answer = ws.receive()
        after = ws.ask(id=2, input={"text": "b"})

    assert (answer["id"], answer["status"]) == (None, status)
    assert after["status"] == 200


def test_a_call_is_cancelled_by_its_number_and_the_others_go_on(served):
    with socket(served) as ws:
        ws.send(id=1, endpoint="later", input={"x": [9]})
        ws.send(id=2, endpoint="later", input={"x": [0.2]})
        ws.send(cancel=1)
        first, second = ws.receive(), ws.receive()
        again = ws.ask(id=1, input={"text": "the number is free again"})

    assert (first["id"], first["status"]) == (1, 499)
    assert (second["id"], second["status"]) == (2, 200)
    assert again["status"] == 200
    served.until(lambda: served.metric("headworks_model_running_calls", model="later") == 0)


def test_a_stream_is_cancelled_by_its_number(served):
    with socket(served) as ws:
        ws.send(id=1, endpoint="ticks", stream=True, input={"x": [1.0] * 64})
        first = ws.receive()
        ws.send(cancel=1)
        messages = [ws.receive()]
        while "status" not in messages[-1]:
            messages.append(ws.receive())

    assert first == {"id": 1, "event": {"total": 1.0}}
    assert messages[-1]["status"] == 499
    assert len(messages) < 64


def test_a_number_that_is_taken_is_refused(served):
    with socket(served) as ws:
        ws.send(id=1, endpoint="later", input={"x": [0.3]})
        taken = ws.ask(id=1, input={"text": "a"})
        first = ws.receive()

    assert (taken["id"], taken["status"]) == (1, 400)
    assert first["status"] == 200


def test_at_most_so_many_calls_run_at_once_on_one_connection(served):
    with socket(served) as ws:
        for number in range(33):
            ws.send(id=number, endpoint="later", input={"x": [1.0]})
        answers = [ws.receive() for _ in range(33)]

    refused = [answer for answer in answers if answer["status"] == 429]
    assert [answer["id"] for answer in refused] == [32]
    assert sum(answer["status"] == 200 for answer in answers) == 32


def test_a_message_beyond_the_bound_closes_the_connection(served):
    with socket(served) as ws:
        ws.opened.send(json.dumps({"id": 1, "input": {"text": "a" * 2**20}}))

        assert ws.close_code() == 1009


def test_a_key_that_is_revoked_opens_nothing_more_on_an_open_connection(served):
    made = served.call("/admin/keys", {"name": "brief"}, key=served.admin_key).json
    with socket(served, key=made["key"]) as ws:
        before = ws.ask(id=1, input={"text": "a"})
        revoked = served.call("/admin/keys/revoke", {"id": made["id"]}, key=served.admin_key)
        after = ws.ask(id=2, input={"text": "a"})

    assert (before["status"], revoked.status, after["status"]) == (200, 200, 401)


def test_a_keys_scope_and_rate_hold_for_every_message(served):
    key = served.make_key("narrow", scopes=["call:echo"], rate="3/h")
    with socket(served, key=key) as ws:
        statuses = [ws.ask(id=0, endpoint="sum", version=2, input={"x": [1]})["status"]]
        statuses += [ws.ask(id=n, input={"text": "a"})["status"] for n in range(1, 4)]

    assert statuses == [403, 200, 200, 429]


def test_an_idempotent_message_is_replayed(served):
    with socket(served) as ws:
        first, again = (ws.ask(id=n, endpoint="later", input={"x": [0.01]}, idempotency_key="ws-1") for n in (1, 2))
        other = ws.ask(id=3, endpoint="later", input={"x": [0.02]}, idempotency_key="ws-1")

    assert (again["output"], again["status"]) == (first["output"], 200)
    assert other["status"] == 422


def test_calls_of_a_socket_that_goes_away_are_stopped(served):
    gone = served.metric("headworks_requests_total", endpoint="later", outcome="client_gone")
    with socket(served) as ws:
        for number in range(5):
            ws.send(id=number, endpoint="later", input={"x": [9]})
        served.until(lambda: served.metric("headworks_model_running_calls", model="later") >= 5)
    served.until(lambda: served.metric("headworks_requests_total", endpoint="later", outcome="client_gone") >= gone + 5)
    served.until(lambda: served.metric("headworks_model_running_calls", model="later") == 0)


def test_no_answer_goes_to_another_socket(served):
    def talk_at_once(talk, client):
        with socket(served) as ws:
            for number in range(20):
                ws.send(id=number, input={"text": f"{client}/{number}"})
            return client, [ws.receive() for _ in range(20)]

    with Crowd(served.port, served.key, talk_at_once, clients=4) as crowd:
        crowd.until(20)

    assert all(
        answer["output"] == {"text": f"{client}/{answer['id']}"} for client, answers in crowd.kept for answer in answers
    )
