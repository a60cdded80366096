"""A chat's answer whole and in chunks: each makes the other."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.contract.schema import Schema
from headworks.contract.tasks import event_schema, schemas
from headworks.contract.tasks.chat_forms import assembled, events_of

HEAD = {"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "m"}
USED = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
WHOLE, CHUNK = Schema(schemas("chat")[1]), Schema(event_schema("chat"))


def chunk(*choices, **more):
    return json.dumps({**HEAD, "choices": list(choices), **more}).encode()


def says(index=0, finish=None, **delta):
    return {"index": index, "delta": delta, "finish_reason": finish}


def test_chunks_make_the_message_they_tell():
    reply = json.loads(
        assembled(
            [
                chunk(says(role="assistant", content="")),
                chunk(says(content="Hel")),
                chunk(says(content="lo")),
                chunk(says(finish="stop")),
                chunk(usage=USED),
            ]
        )
    )

    assert reply["choices"][0]["message"]["content"] == "Hello"
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"] == USED
    assert WHOLE.errors(reply) == ()


def test_calls_of_tools_are_put_together_by_their_index():
    part = {"index": 0, "id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"at"'}}
    rest = {"index": 0, "function": {"arguments": ":1}"}}
    other = {"index": 1, "id": "t2", "type": "function", "function": {"name": "see", "arguments": "{}"}}
    message = json.loads(
        assembled([chunk(says(tool_calls=[part, other])), chunk(says(tool_calls=[rest], finish="tool_calls"))])
    )["choices"][0]["message"]

    assert [(call["id"], call["function"]["arguments"]) for call in message["tool_calls"]] == [
        ("t1", '{"at":1}'),
        ("t2", "{}"),
    ]
    assert message["content"] is None


@pytest.mark.parametrize("events", [[], [chunk(says(content="cut"))]])
def test_a_stream_that_never_ended_makes_no_answer(events):
    with pytest.raises(ValueError, match=r"no event|finish_reason"):
        assembled(events)


texts = st.text(max_size=20)
calls = st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5), texts), max_size=3)


@given(content=texts, called=calls, finish=st.sampled_from(["stop", "length", "content_filter"]), used=st.booleans())
def test_an_answer_told_in_chunks_is_the_same_answer(content, called, finish, used):
    message = {"role": "assistant", "content": content}
    if called:
        message["tool_calls"] = [
            {"id": ref, "type": "function", "function": {"name": name, "arguments": arguments}}
            for ref, name, arguments in called
        ]
    reply = {
        **HEAD,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    if used:
        reply["usage"] = USED

    events = events_of(json.dumps(reply).encode())
    again = json.loads(assembled(events))

    assert all(CHUNK.errors(json.loads(event)) == () for event in events)
    assert again["choices"][0]["finish_reason"] == finish
    assert again["choices"][0]["message"]["content"] == content
    assert again["choices"][0]["message"].get("tool_calls") or [] == message.get("tool_calls", [])
    assert again.get("usage") == reply.get("usage")
