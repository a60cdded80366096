"""A Response's items and events out of a chat, and a chat out of what a Response asks."""

import json

import pytest

from headworks.costs import Usage
from headworks.dialects.chat_view import chat_view
from headworks.dialects.openai.body import Form, encode
from headworks.dialects.openai.responses_asked import chat_request, own_pointer
from headworks.dialects.openai.responses_events import ResponsesWriter
from headworks.dialects.openai.responses_told import whole_response
from headworks.errors import ModelError, SchemaViolation
from tests.unit.dialects.chunks import REQUEST_ID, bare, calls, chunk, datas, written

FORM = Form("chat", REQUEST_ID)
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
CHANCES = [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]


def kinds(told):
    return [each["type"].removeprefix("response.") for each in told]


def test_thoughts_are_told_under_another_name_too():
    told = written(ResponsesWriter(FORM), chunk(reasoning="hm"), chunk("stop", content="a"))

    assert [item["type"] for item in told[-1]["response"]["output"]] == ["reasoning", "message"]


def test_each_item_ends_before_the_next_of_another_kind_begins():
    told = written(
        ResponsesWriter(FORM),
        chunk(reasoning_content="hm"),
        chunk(content="Hel"),
        chunk(content="lo"),
        calls(0, "c0", "f", ""),
        calls(0, arguments="{}"),
        chunk("tool_calls"),
    )

    assert [each["sequence_number"] for each in told] == list(range(len(told)))
    assert kinds(told) == [
        "created", "in_progress",
        "output_item.added", "content_part.added", "reasoning_text.delta",
        "reasoning_text.done", "content_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert [item["type"] for item in told[-1]["response"]["output"]] == ["reasoning", "message", "function_call"]
    assert told[-1]["response"]["output"][2]["call_id"] == "c0"


def test_calls_that_come_in_turns_keep_their_own_arguments():
    told = written(
        ResponsesWriter(FORM),
        calls(0, "c0", "f", "{"),
        calls(1, "c1", "g", "["),
        calls(0, arguments="}"),
        calls(1, arguments="]"),
    )

    assert [(item["name"], item["arguments"]) for item in told[-1]["response"]["output"]] == [("f", "{}"), ("g", "[]")]


def test_a_streamed_response_and_a_whole_one_say_the_same():
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}
    call = {"id": "c0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    reply = {
        "choices": [{"index": 0, "message": {**message, "tool_calls": [call]}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    whole = whole_response(FORM, chat_view(json.dumps(reply).encode()))
    streamed = written(
        ResponsesWriter(FORM),
        chunk(reasoning_content="hm"),
        chunk(content="Hello"),
        calls(0, "c0", "f", "{}"),
        chunk("tool_calls"),
        usage=Usage(input_tokens=1, output_tokens=2),
    )

    assert streamed[-1]["response"] == whole


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_an_answer_that_was_cut_is_incomplete(finish, reason):
    told = written(ResponsesWriter(FORM), chunk(content="a"), chunk(finish))

    assert told[-1]["type"] == "response.incomplete"
    assert told[-1]["response"]["incomplete_details"] == {"reason": reason}
    assert told[-2]["item"]["status"] == "incomplete"


def test_a_refusal_is_a_part_of_its_own():
    told = written(ResponsesWriter(FORM), chunk(refusal="I cannot"), chunk("stop"))

    assert "refusal.delta" in kinds(told)
    assert told[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot"}]


def test_a_response_that_breaks_has_failed_and_tells_the_error_the_client_raises():
    writer = ResponsesWriter(FORM)
    told = datas(writer.event(chunk(content="a")) + writer.failed(ModelError(reason="secret"), REQUEST_ID, "/"))

    assert kinds(told[-2:]) == ["failed", "error"]
    assert told[-2]["response"]["error"]["code"] == told[-1]["error"]["code"] == told[-1]["code"] == "model_error"
    assert "secret" not in json.dumps(told)


def test_items_become_turns():
    asked = chat_request(
        {
            "model": "chat",
            "instructions": "Be kind.",
            "input": [
                {"role": "developer", "content": "d"},
                {
                    "type": "message",
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "look"},
                        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
                    ],
                },
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {"role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
                {"type": "function_call", "call_id": "c0", "name": "f", "arguments": "{}"},
                {"type": "function_call", "call_id": "c1", "name": "g", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c0", "output": [{"type": "input_text", "text": "1"}]},
                {"type": "function_call_output", "call_id": "c1", "output": "2"},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
            "max_output_tokens": 9,
            "reasoning": {"effort": "low"},
        }
    )
    function = {"id": "c0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    other = {"id": "c1", "type": "function", "function": {"name": "g", "arguments": "{}"}}

    assert asked == {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "developer", "content": "d"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                ],
            },
            {"role": "assistant", "content": "ok", "tool_calls": [function, other]},
            {"role": "tool", "tool_call_id": "c0", "content": "1"},
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
        "max_completion_tokens": 9,
        "reasoning_effort": "low",
    }


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/input"),
        ({"input": 7}, "/input"),
        ({"input": [7]}, "/input/0"),
        ({"input": [{"type": "web_search_call"}]}, "/input/0/type"),
        ({"input": [{"type": ["message"]}]}, "/input/0/type"),
        ({"input": [{"role": "nobody", "content": ""}]}, "/input/0/role"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "/input/0/content/0/type"),
        ({"input": [{"role": "assistant", "content": [PICTURE]}]}, "/input/0/content/0/type"),
        ({"input": "x", "include": "everything"}, "/include"),
        ({"input": [{"role": "user", "content": [7]}]}, "/input/0/content/0/type"),
        ({"input": "x", "conversation": {"id": "c"}}, "/conversation"),
        ({"input": "x", "tools": {}}, "/tools"),
        ({"input": "x", "tools": [{"type": "mcp"}]}, "/tools/0/type"),
        ({"input": "x", "instructions": []}, "/instructions"),
        ({"input": "x", "text": "json"}, "/text"),
        ({"input": "x", "text": {"format": {"type": "grammar"}}}, "/text/format/type"),
        ({"input": "x", "reasoning": "high"}, "/reasoning"),
        ({"input": "x", "tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "mcp"}}, "/tool_choice"),
    ],
)
def test_what_a_chat_cannot_be_asked_is_refused_by_name(document, pointer):
    with pytest.raises(SchemaViolation) as caught:
        chat_request({"model": "chat", **document})

    assert caught.value.errors[0].pointer == pointer


def test_files_and_what_tools_showed_are_asked_of_a_chat():
    file = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}
    asked = chat_request(
        {
            "model": "chat",
            "input": [
                {"role": "user", "content": [file]},
                {"type": "function_call", "call_id": "c0", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c0", "output": [PICTURE]},
            ],
            "user": "u",
            "service_tier": "flex",
        }
    )

    sent = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}
    assert asked["messages"][0]["content"] == [{"type": "file", "file": sent}]
    assert asked["messages"][2]["content"] == [{"type": "image_url", "image_url": {"url": PICTURE["image_url"]}}]
    assert (asked["user"], asked["service_tier"]) == ("u", "flex")


def test_tools_that_alone_may_be_called_are_named_to_a_chat():
    tools = [{"type": "function", "name": name} for name in ("f", "g")]
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g"}]}
    asked = chat_request({"model": "chat", "input": "x", "tools": tools, "tool_choice": choice})

    named = [{"type": "function", "function": {"name": "g"}}]
    assert asked["tool_choice"] == {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": named}}


@pytest.mark.parametrize("more", [{"include": ["message.output_text.logprobs"]}, {"top_logprobs": 2}])
def test_chances_that_are_asked_for_are_asked_of_the_chat(more):
    assert chat_request({"model": "chat", "input": "x", **more})["logprobs"] is True


def test_chances_of_words_are_told_with_them():
    choice = {"index": 0, "finish_reason": "stop", "logprobs": {"content": CHANCES}}
    whole = whole_response(
        FORM, chat_view(json.dumps({"choices": [{**choice, "message": {"content": "Hi"}}]}).encode())
    )
    told = written(
        ResponsesWriter(FORM),
        bare(choices=[{**choice, "finish_reason": None, "delta": {"content": "Hi"}}]),
        bare(choices=[{**choice, "delta": {"content": "Hi"}}]),
    )
    by_kind = {each["type"]: each for each in told}

    assert json.loads(encode(whole))["output"][0]["content"][0]["logprobs"] == CHANCES
    assert by_kind["response.output_text.delta"]["logprobs"] == CHANCES
    assert by_kind["response.output_text.done"]["logprobs"] == CHANCES * 2
    assert told[-1]["response"]["output"][0]["content"][0]["logprobs"] == CHANCES * 2


@pytest.mark.parametrize(
    ("pointer", "own"),
    [
        ("/messages/0/content", "/instructions"),
        ("/messages/1/content/0/text", "/input/0"),
        ("/messages/2/tool_calls/0/id", "/input/2"),
        ("/messages/3/tool_call_id", "/input/4"),
        ("/max_completion_tokens", "/max_output_tokens"),
        ("/tools/0/function/parameters", "/tools/0/parameters"),
        ("/response_format/json_schema/name", "/text/format/name"),
    ],
)
def test_what_is_wrong_is_named_as_the_caller_wrote_it(pointer, own):
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "1"}
    items = [{"role": "user", "content": "x"}, {"type": "reasoning"}, call, call, result]

    assert own_pointer({"instructions": "i", "input": items}, pointer) == own
    assert own_pointer({"input": "x"}, "/messages/0/content") == "/input"
