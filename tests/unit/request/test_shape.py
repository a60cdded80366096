"""One contract, whole or streamed, whatever the target gives."""

import json

import pytest

from headworks.contract.schema import contract_from
from headworks.contract.tasks import event_schema, schemas
from headworks.costs import Usage
from headworks.errors import ContractViolation
from headworks.request.shape import shaped
from headworks.values import Call, Outcome, Payload
from tests.unit.contracts import make_contract, make_endpoint

REPLY = {
    "id": "c-1",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
}
EVENT = {
    "id": "c-1",
    "object": "chat.completion.chunk",
    "created": 7,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": "stop"}],
}
EVENTS = "text/event-stream"


def asked(media):
    contract = contract_from(*schemas("chat"), False, True, (), event_schema("chat"))
    return Call(make_endpoint(contract, task="chat"), Payload(b"{}"), media, 0)


def answered(body, **facts):
    return Outcome(json.dumps(body).encode(), "model", "1", **facts)


def told(stream):
    events = []
    while (event := stream.next().result()) is not None:
        events.append(json.loads(event))
    return events


def test_a_whole_answer_becomes_events_for_who_streams():
    outcome = shaped(asked(EVENTS), answered(REPLY, usage=Usage(3), cost_micros=9))

    assert outcome.stream is not None
    assert outcome.stream.billed() == (Usage(3), 9)
    assert [event["choices"][0]["delta"].get("content") for event in told(outcome.stream)] == ["Hello", None]


def test_collected_events_become_the_whole_answer():
    outcome = shaped(asked("application/json"), answered([EVENT], is_collected=True))

    assert json.loads(outcome.body)["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize(("media", "body", "collected"), [(EVENTS, [], False), ("application/json", [{}], True)])
def test_what_cannot_be_turned_breaks_the_contract(media, body, collected):
    with pytest.raises(ContractViolation):
        shaped(asked(media), answered(body, is_collected=collected))


def test_a_cancelled_stream_tells_no_more():
    stream = shaped(asked(EVENTS), answered(REPLY)).stream
    stream.cancel()

    assert stream.next().result() is None


def test_where_a_whole_answer_is_the_array_of_its_events_nothing_is_turned():
    call = Call(make_endpoint(make_contract(is_stream=True)), Payload(b"{}"), "application/json", 0)
    outcome = answered([1, 2], is_collected=True)

    assert shaped(call, outcome) is outcome
