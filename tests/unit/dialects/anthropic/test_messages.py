"""A Message's blocks and events out of a chat, and a chat out of what Messages ask."""

import json

import pytest

from headworks.costs import Usage
from headworks.dialects.anthropic.asked import chat_request, own_pointer, wants_thoughts
from headworks.dialects.anthropic.events import MessageWriter
from headworks.dialects.anthropic.told import Form, whole_message
from headworks.dialects.chat_view import chat_view
from headworks.errors import ContractViolation, ProviderBusy, SchemaViolation
from tests.unit.dialects.chunks import REQUEST_ID, bare, calls, chunk, datas, written

FORM, THINKING = Form("chat", REQUEST_ID), Form("chat", REQUEST_ID, has_thoughts=True)
PAPER = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "paper"}}
FOUND = {
    "type": "search_result",
    "title": "Rivers",
    "source": "https://a.example/rivers",
    "content": [{"type": "text", "text": "The Aare."}],
}
CITED = "/messages/0/content/0/citations/enabled"
PICTURE = {"type": "base64", "media_type": "image/png", "data": "AA=="}


def message_of(message, finish="stop", form=FORM, usage=None):
    reply = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}
    return whole_message(form, chat_view(json.dumps(reply).encode()))


def test_one_block_at_a_time_is_begun_added_to_and_stopped():
    told = written(
        MessageWriter(THINKING),
        chunk(role="assistant"),
        chunk(reasoning_content="hm"),
        chunk(content="Hel"),
        chunk(content="lo"),
        calls(0, "c0", "f", ""),
        calls(0, arguments='{"a":'),
        calls(0, arguments="1}"),
        calls(1, "c1", "g", "{}"),
        chunk("tool_calls"),
        usage=Usage(input_tokens=5, output_tokens=6, cached_tokens=2),
    )
    names = [(each["type"], each.get("index")) for each in told]

    assert names == [
        ("message_start", None), ("ping", None),
        ("content_block_start", 0), ("content_block_delta", 0), ("content_block_stop", 0),
        ("content_block_start", 1), ("content_block_delta", 1), ("content_block_delta", 1), ("content_block_stop", 1),
        ("content_block_start", 2), ("content_block_delta", 2), ("content_block_delta", 2), ("content_block_stop", 2),
        ("content_block_start", 3), ("content_block_delta", 3), ("content_block_stop", 3),
        ("message_delta", None), ("message_stop", None),
    ]  # fmt: skip
    assert told[-2]["delta"]["stop_reason"] == "tool_use"
    assert told[-2]["usage"] == {"input_tokens": 3, "output_tokens": 6, "cache_read_input_tokens": 2}


def test_arguments_of_a_call_that_had_ended_break_the_contract():
    writer = MessageWriter(FORM)
    writer.event(calls(0, "c0", "f", "{}"))
    writer.event(calls(1, "c1", "g", "{}"))

    with pytest.raises(ContractViolation):
        writer.event(calls(0, arguments="}"))


@pytest.mark.parametrize("arguments", [("{", "}"), ("", "{}")])
def test_calls_whose_arguments_come_in_turns_are_told_one_after_the_other(arguments):
    begun, more = arguments
    told = written(
        MessageWriter(FORM),
        calls(0, "c0", "f", begun),
        calls(1, "c1", "g", '{"a":'),
        calls(2, "c2", "h", "{}"),
        calls(1, arguments="1}"),
        calls(0, arguments=more),
        chunk("tool_calls"),
    )
    starts = [each["content_block"]["id"] for each in told if each["type"] == "content_block_start"]
    stops = [each["index"] for each in told if each["type"] == "content_block_stop"]
    pieces = {}
    for each in told:
        if each["type"] == "content_block_delta":
            pieces[each["index"]] = pieces.get(each["index"], "") + each["delta"]["partial_json"]

    assert (starts, stops) == (["c0", "c1", "c2"], [0, 1, 2])
    assert pieces == {0: "{}", 1: '{"a":1}', 2: "{}"}


def test_a_call_is_told_as_it_comes_where_those_before_it_are_whole():
    writer = MessageWriter(FORM)
    writer.event(calls(0, "c0", "f", "{}"))

    assert b'"id":"c1"' in writer.event(calls(1, "c1", "g", "{"))
    assert b"content_block_delta" in writer.event(calls(1, arguments="}"))


@pytest.mark.parametrize("more", [{"reasoning": "hm"}, {"reasoning_content": "hm", "reasoning": "hm"}])
def test_thoughts_are_told_once_whatever_a_server_calls_them(more):
    told = written(MessageWriter(THINKING), chunk(**more), chunk("stop", content="a"))

    assert message_of({"content": "a", **more}, form=THINKING)["content"][0]["thinking"] == "hm"
    assert [each["delta"].get("thinking") for each in told if each["type"] == "content_block_delta"] == ["hm", None]
    assert message_of({"content": "a", "reasoning": {"x": 1}}, form=THINKING)["content"] == [
        {"type": "text", "text": "a"}
    ]


def test_thoughts_that_were_not_asked_for_are_not_told():
    told = written(MessageWriter(FORM), chunk(reasoning_content="hm"), chunk(content="a"), bare())

    assert [each["content_block"]["type"] for each in told if each["type"] == "content_block_start"] == ["text"]
    assert message_of({"content": "a", "reasoning_content": "hm"})["content"] == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "end_turn"), ("length", "max_tokens"), ("content_filter", "refusal"), ("tool_calls", "tool_use")],
)
def test_a_finish_has_its_stop_reason(finish, reason):
    assert message_of({"content": "a"}, finish)["stop_reason"] == reason
    assert written(MessageWriter(FORM), chunk(finish, content="a"))[-2]["delta"]["stop_reason"] == reason


def test_a_refusal_is_text_that_ends_as_one():
    whole = message_of({"content": None, "refusal": "no"})
    told = written(MessageWriter(FORM), chunk("stop", refusal="no"))

    assert (whole["content"], whole["stop_reason"]) == ([{"type": "text", "text": "no"}], "refusal")
    assert told[-2]["delta"]["stop_reason"] == "refusal"


def test_a_call_is_told_with_its_arguments_read():
    call = {"id": "c0", "function": {"name": "f", "arguments": '{"a":1}'}}
    whole = message_of({"content": None, "tool_calls": [call]}, "stop")

    assert whole["content"] == [{"type": "tool_use", "id": "c0", "name": "f", "input": {"a": 1}}]
    assert whole["stop_reason"] == "tool_use"


@pytest.mark.parametrize("arguments", ["[1]", "{", '"x"'])
def test_arguments_that_are_no_object_break_the_contract(arguments):
    with pytest.raises(ContractViolation):
        message_of({"content": None, "tool_calls": [{"id": "c0", "function": {"name": "f", "arguments": arguments}}]})


def test_a_stream_that_breaks_tells_its_error_and_call():
    told = datas(MessageWriter(FORM).failed(ProviderBusy(reason="secret"), REQUEST_ID, "/v1/messages"))

    assert told == [
        {
            "type": "error",
            "error": {"type": "overloaded_error", "message": "Provider is busy"},
            "request_id": REQUEST_ID,
        }
    ]


def test_blocks_become_turns():
    asked = chat_request(
        {
            "model": "chat",
            "max_tokens": 9,
            "system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "source": PICTURE}]},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "text", "text": "ok"},
                        {"type": "tool_use", "id": "t0", "name": "f", "input": {"a": 1}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "go on"},
                        {"type": "tool_result", "tool_use_id": "t0", "content": "1"},
                        {"type": "document", "source": {"type": "text", "data": "paper"}},
                    ],
                },
            ],
            "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "stop_sequences": ["END"],
            "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
            "metadata": {"user_id": "u"},
        }
    )
    call = {"id": "t0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}

    assert asked == {
        "messages": [
            {"role": "system", "content": "a\n\nb"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ],
            },
            {"role": "assistant", "content": "ok", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "t0", "content": "1"},
            {"role": "user", "content": "go on\n\npaper"},
        ],
        "max_tokens": 9,
        "stop": ["END"],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "user": "u",
    }


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"max_tokens": None}, "/max_tokens"),
        ({"messages": None}, "/messages"),
        ({"messages": [7]}, "/messages/0/role"),
        ({"messages": [{"role": "system", "content": "x"}]}, "/messages/0/role"),
        ({"messages": [{"role": "user", "content": 7}]}, "/messages/0/content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "/messages/0/content/0/type"),
        ({"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]}, "/messages/0/content/0/type"),
        ({"messages": [{"role": "assistant", "content": [{"type": "image"}]}]}, "/messages/0/content/0/type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]},
            "/messages/0/content/0/source/type",
        ),
        ({"mcp_servers": [{"url": "http://x"}]}, "/mcp_servers"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "/tools/0/type"),
        ({"tools": [{"name": "f"}], "tool_choice": {"type": "some"}}, "/tool_choice/type"),
        ({"output_config": {"format": {"type": "xml"}}}, "/output_config/format/type"),
        ({"system": [{"type": "image"}]}, "/system"),
        ({"inference_geo": "us"}, "/inference_geo"),
        ({"messages": [{"role": "user", "content": [{**PAPER, "citations": {"enabled": True}}]}]}, CITED),
        ({"messages": [{"role": "user", "content": [{**FOUND, "citations": {"enabled": True}}]}]}, CITED),
        (
            {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "content"}}]}]},
            "/messages/0/content/0/source/content",
        ),
    ],
)
def test_what_a_chat_cannot_be_asked_is_refused_by_name(change, pointer):
    document = {"model": "chat", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], **change}

    with pytest.raises(SchemaViolation) as caught:
        chat_request(document)

    assert caught.value.errors[0].pointer == pointer


@pytest.mark.parametrize(
    ("thinking", "wanted"), [({"type": "enabled"}, True), ({"type": "adaptive"}, True), ({"type": "disabled"}, False), (None, False)]
)  # fmt: skip
def test_thoughts_are_wanted_where_thinking_is_on(thinking, wanted):
    assert wants_thoughts({"thinking": thinking}) is wanted


def parts_asked(*blocks):
    turn = {"role": "user", "content": list(blocks)}
    return chat_request({"model": "chat", "max_tokens": 9, "messages": [turn]})["messages"][0]["content"]


def test_what_is_said_of_a_document_is_told_before_it():
    about = {"title": "Aare", "context": "a survey", "citations": {"enabled": False}}
    inside = {"type": "content", "content": [{"type": "text", "text": "a"}, {"type": "image", "source": PICTURE}]}
    pages = {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    file = {"filename": "Aare", "file_data": "data:application/pdf;base64,JVBERg=="}

    assert parts_asked({**PAPER, **about}) == "Aare\n\na survey\n\npaper"
    assert parts_asked({"type": "document", "source": inside}) == [{"type": "text", "text": "a"}, picture]
    assert parts_asked({"type": "document", "source": {"type": "content", "content": "a"}}) == "a"
    assert parts_asked({"type": "document", "source": pages, **about}) == [
        {"type": "text", "text": "a survey"},
        {"type": "file", "file": file},
    ]


def test_what_a_search_found_is_told_after_where_it_was_found():
    assert parts_asked(FOUND) == "Rivers\nhttps://a.example/rivers\n\nThe Aare."


def test_a_picture_that_a_tool_gave_back_is_asked_with_its_result():
    result = {"type": "tool_result", "tool_use_id": "t0", "content": [{"type": "image", "source": PICTURE}]}

    assert parts_asked(result) == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]


def test_wishes_that_a_chat_knows_are_handed_on():
    tool = {"name": "f", "input_schema": {"type": "object"}, "strict": True, "cache_control": {"type": "ephemeral"}}
    asked = chat_request(
        {
            "model": "chat",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "x"}],
            "tools": [tool],
            "top_k": 5,
            "output_config": {"effort": "low"},
        }
    )

    assert asked["tools"][0]["function"] == {"name": "f", "parameters": {"type": "object"}, "strict": True}
    assert (asked["top_k"], asked["reasoning_effort"]) == (5, "low")


@pytest.mark.parametrize(
    ("stopped_at", "finish", "ended"),
    [
        ("END", "stop", ("stop_sequence", "END")),
        (128_001, "stop", ("end_turn", None)),
        (None, "stop", ("end_turn", None)),
        ("END", "length", ("max_tokens", None)),
    ],
)
def test_a_text_that_ended_the_answer_is_told_where_the_target_tells_it(stopped_at, finish, ended):
    choice = {"index": 0, "finish_reason": finish, "stop_reason": stopped_at}
    whole = whole_message(FORM, chat_view(json.dumps({"choices": [{**choice, "message": {"content": "a"}}]}).encode()))
    told = written(MessageWriter(FORM), bare(choices=[{**choice, "delta": {"content": "a"}}]))[-2]["delta"]

    assert (whole["stop_reason"], whole["stop_sequence"]) == (told["stop_reason"], told["stop_sequence"]) == ended


@pytest.mark.parametrize(
    ("pointer", "own"),
    [
        ("/messages/0/content", "/system"),
        ("/messages/1/content/0/image_url/url", "/messages/0/content"),
        ("/messages/2/tool_call_id", "/messages/1/content"),
        ("/messages/3/content", "/messages/1/content"),
        ("/messages/9/content", "/messages/9/content"),
        ("/stop/4", "/stop_sequences/4"),
        ("/tools/3/function/name", "/tools/3/name"),
        ("/tools/3/function/parameters", "/tools/3/input_schema"),
        ("/response_format/json_schema/schema", "/output_config/format/schema"),
        ("/reasoning_effort", "/output_config/effort"),
        ("/temperature", "/temperature"),
        ("", ""),
    ],
)
def test_what_is_wrong_is_named_as_the_caller_wrote_it(pointer, own):
    document = {
        "system": "s",
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "user", "content": [{"type": "text", "text": "y"}, {"type": "tool_result", "tool_use_id": "t"}]},
        ],
    }

    assert own_pointer(document, pointer) == own
