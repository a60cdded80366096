"""The two forms of a chat answer say the same."""

import json

import pytest
from msgspec import ValidationError

from headworks.contract.tasks import shapes
from headworks.contract.tasks.chat_events import assembled, events_of

HEAD = {"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(delta, finish_reason=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({**HEAD, "choices": [choice], **more}).encode()


def whole(*events):
    return json.loads(assembled(events))


def test_the_task_chat_turns_each_form_into_the_other():
    module = shapes("chat")

    assert module.assembled is assembled
    assert module.events_of is events_of


def test_text_is_joined_and_the_last_usage_counts():
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    told = whole(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}, "length"),
        json.dumps({**HEAD, "choices": [], "usage": usage}).encode(),
    )

    assert told["object"] == "chat.completion"
    assert told["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "length"}
    ]
    assert told["usage"] == usage
    assert (told["id"], told["created"], told["model"]) == ("a", 1, "m")


def test_calls_of_tools_are_joined_by_their_index_even_where_they_come_in_turns():
    told = whole(
        chunk(
            {"tool_calls": [{"index": 0, "id": "c0", "type": "function", "function": {"name": "f", "arguments": ""}}]}
        ),
        chunk({"tool_calls": [{"index": 1, "id": "c1", "function": {"name": "g", "arguments": "{"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]}),
        chunk({"tool_calls": [{"index": 1, "function": {"arguments": "}"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
    )

    assert told["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c0", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "c1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }
    assert told["choices"][0]["finish_reason"] == "tool_calls"


def test_thoughts_and_log_probabilities_are_joined_too():
    first = {"index": 0, "delta": {"reasoning_content": "I "}, "logprobs": {"content": [{"token": "a"}]}}
    second = {"index": 0, "delta": {"reasoning_content": "see"}, "logprobs": {"content": [{"token": "b"}]}}
    told = whole(*(json.dumps({**HEAD, "choices": [choice]}).encode() for choice in (first, second)))

    assert told["choices"][0]["message"]["reasoning_content"] == "I see"
    assert told["choices"][0]["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}


def test_an_answer_in_chunks_makes_the_same_answer_again():
    call = {"id": "c0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    reply = {
        "id": "a", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "fp",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "x", "tool_calls": [call]}, "finish_reason": "tool_calls"}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }  # fmt: skip
    events = events_of(json.dumps(reply).encode())

    assert [json.loads(each)["object"] for each in events] == ["chat.completion.chunk"] * 3
    assert whole(*events) == reply


def test_events_without_any_choice_are_no_answer():
    with pytest.raises(ValueError, match="no event holds a choice"):
        assembled([json.dumps({**HEAD, "choices": []}).encode()])


def test_what_is_no_object_is_refused():
    with pytest.raises(ValidationError):
        events_of(b"[]")
