"""Anthropic's messages against what Anthropic really answered, and what is sent to it."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.contract.tasks import messages
from headworks.errors import (
    ContextTooLong,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
)
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.counting import AnthropicMessageCount, AnthropicTokenCount
from headworks.targets.providers.anthropic.facts import ANSWER_TOOL, BEDROCK, BETAS, OWN, VERTEX
from headworks.targets.providers.anthropic.messages import AnthropicMessages
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request, prove_stream, read
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.chats import CALLED, FORMAT, PIXEL, TOOL, USER, ask, picture, sent
from tests.unit.targets.providers.recordings import recorded

CLAUDE = AnthropicChat("claude-sonnet-4-5")
SAME = AnthropicMessages("claude-sonnet-4-5")
AS_IT_STANDS = Ask(b'{"messages":[{"role":"user","content":"hi"}],"max_tokens":9}')


def test_every_recorded_message_is_a_chat_answer():
    for exchange in recorded("/v1/messages"):
        answer = prove_reply(CLAUDE, ask(), exchange.response)

        told = msgspec.json.decode(exchange.response.body)
        blocks = {kind: [each for each in told["content"] if each["type"] == kind] for kind in ("text", "tool_use")}
        choice = msgspec.json.decode(answer.document)["choices"][0]
        assert (choice["message"]["content"] or "") == "".join(block["text"] for block in blocks["text"])
        calls = choice["message"].get("tool_calls", [])
        assert [call["id"] for call in calls] == [block["id"] for block in blocks["tool_use"]]
        assert [msgspec.json.decode(call["function"]["arguments"]) for call in calls] == [
            block["input"] for block in blocks["tool_use"]
        ]
        spent = told["usage"]
        cached = spent.get("cache_read_input_tokens") or 0
        assert answer.usage.output_tokens == spent["output_tokens"]
        assert (
            answer.usage.input_tokens - cached - (spent.get("cache_creation_input_tokens") or 0)
            == (spent["input_tokens"])
        )
        assert (answer.usage.cached_tokens or 0) == cached


def test_what_was_written_into_the_cache_is_told_by_how_long_it_stays():
    spent = {"input_tokens": 5, "output_tokens": 1, "cache_creation_input_tokens": 300}
    kept = {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100}
    document = {"type": "message", "content": [], "stop_reason": "end_turn", "usage": {**spent, "cache_creation": kept}}
    usage = SAME.reply(AS_IT_STANDS, HttpResponse(200, {}, msgspec.json.encode(document))).usage

    assert (usage.input_tokens, usage.written_tokens, usage.written_hour_tokens) == (305, 300, 100)


def test_every_recorded_message_passes_as_it_stands():
    for exchange in recorded("/v1/messages"):
        answer = prove_reply(SAME, AS_IT_STANDS, exchange.response)
        again = msgspec.json.decode(messages.assembled(messages.events_of(exchange.response.body)))

        told = msgspec.json.decode(exchange.response.body)
        assert answer.document == exchange.response.body
        assert answer.usage.output_tokens == told["usage"]["output_tokens"]
        assert again["content"] == told["content"]
        assert (again["stop_reason"], again["usage"]) == (told["stop_reason"], told["usage"])


def test_every_recorded_stream_passes_event_by_event_and_makes_a_message():
    for exchange in recorded("/v1/messages", is_stream=True):
        body = exchange.response.body
        pieces = prove_stream(SAME, AS_IT_STANDS, body, [(len(body) // 2,), tuple(range(0, len(body), 11))])

        events = [msgspec.json.decode(line[5:]) for line in body.splitlines() if line.startswith(b"data:")]
        whole = msgspec.json.decode(messages.assembled(piece.document for piece in pieces))
        said = "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
        last = next(event for event in events if event["type"] == "message_delta")
        assert [msgspec.json.decode(piece.document) for piece in pieces] == [e for e in events if e["type"] != "ping"]
        assert "".join(block.get("text", "") for block in whole["content"]) == said
        assert pieces[-1].usage.output_tokens == whole["usage"]["output_tokens"] == last["usage"]["output_tokens"]


def test_messages_are_sent_as_they_stand_but_for_the_model_and_the_caps():
    document = b'{"messages":[],"max_tokens":50,"thinking":{"type":"adaptive"},"model":"other","x":1.10}'
    request = prove_request(SAME, Ask(document, is_stream=True, output_cap=20))

    assert b'"x":1.10' in request.body
    assert msgspec.json.decode(request.body) == {
        "messages": [],
        "max_tokens": 20,
        "thinking": {"type": "adaptive"},
        "model": "claude-sonnet-4-5",
        "x": 1.1,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("hosting", "path", "version"),
    [
        (VERTEX, "/publishers/anthropic/models/claude-x@1:streamRawPredict", "vertex-2023-10-16"),
        (BEDROCK, "/model/claude-x%401/invoke-with-response-stream", "bedrock-2023-05-31"),
    ],
)
def test_messages_are_sent_as_they_stand_where_others_host_the_model(hosting, path, version):
    document = b'{"messages":[],"max_tokens":50,"model":"other","stream":false,"anthropic_version":"mine","x":1.10}'
    request = prove_request(AnthropicMessages("claude-x@1", hosting), Ask(document, is_stream=True))
    body = msgspec.json.decode(request.body)

    assert request.path == path
    assert b'"x":1.10' in request.body
    assert body.pop("stream", None) == (True if hosting.says_stream else None)
    assert body == {"messages": [], "max_tokens": 50, "anthropic_version": version, "x": 1.1}
    assert "anthropic-version" not in dict(request.headers)


@pytest.mark.parametrize(
    ("hosting", "betas"), [(OWN, BETAS), (VERTEX, BETAS | {"mine"}), (BEDROCK, BETAS | {"mine"}), (OWN, frozenset())]
)
def test_of_features_under_test_those_that_are_allowed_are_asked_for(hosting, betas):
    wanted = ["interleaved-thinking-2025-05-14", "mine", "files-api-2025-04-14"]
    document = msgspec.json.encode({"messages": [], "max_tokens": 9, "anthropic_beta": wanted})
    request = prove_request(AnthropicMessages("claude-x", hosting, betas), Ask(document))
    body, head = msgspec.json.decode(request.body), dict(request.headers)
    asked = [name for name in wanted if name in betas]

    assert body.get("anthropic_beta") == (asked if hosting is BEDROCK else None)
    assert head.get("anthropic-beta") == (",".join(asked) if asked and hosting is not BEDROCK else None)


def test_every_recorded_stream_is_a_chat_stream():
    for exchange in recorded("/v1/messages", is_stream=True):
        body = exchange.response.body
        pieces = prove_stream(CLAUDE, ask(), body, [(len(body) // 2,), tuple(range(0, len(body), 11))])

        events = [msgspec.json.decode(line[5:]) for line in body.splitlines() if line.startswith(b"data:")]
        text = "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
        deltas = [c["delta"] for p in pieces for c in msgspec.json.decode(p.document)["choices"]]
        assert "".join(delta.get("content") or "" for delta in deltas) == text
        last = next(event for event in events if event["type"] == "message_delta")
        assert pieces[-1].usage.output_tokens == last["usage"]["output_tokens"]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_stream_cut_anywhere_reads_the_same_and_never_ends_early(data):
    exchange = data.draw(st.sampled_from(recorded("/v1/messages", is_stream=True)))
    body = exchange.response.body
    places = [0, *sorted(data.draw(st.lists(st.integers(1, len(body)), max_size=20))), len(body)]
    short = body[: data.draw(st.integers(0, body.rindex(b'"message_stop"')))]

    parts = [body[a:b] for a, b in zip(places, places[1:], strict=False)]
    assert read(CLAUDE, ask(), parts) == read(CLAUDE, ask(), [body])
    with pytest.raises(ProviderBroken):
        read(CLAUDE, ask(), [short])


def test_a_conversation_with_tools_and_pictures_is_told_in_turns():
    asked = ask(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Where?"}, picture()]},
        {"role": "assistant", "content": None, "tool_calls": [CALLED, {**CALLED, "id": "t2"}]},
        {"role": "tool", "tool_call_id": "t1", "content": "cold"},
        {"role": "tool", "tool_call_id": "t2", "content": "colder"},
        USER,
        tools=[TOOL],
        tool_choice="required",
        parallel_tool_calls=False,
        stop="END",
        temperature=1.7,
        user="u",
        seed=3,
    )
    prove_request(CLAUDE, asked)

    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"at": "Oslo"}}
    cold = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "cold"}]}
    colder = {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "colder"}]}
    assert sent(CLAUDE, asked) == {
        "model": "claude-sonnet-4-5",
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Where?"}, {"type": "image", "source": source}]},
            {"role": "assistant", "content": [use, {**use, "id": "t2"}]},
            {"role": "user", "content": [cold, colder, {"type": "text", "text": "Hi."}]},
        ],
        "tools": [{"name": "weather", "description": "Now.", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "stop_sequences": ["END"],
        "temperature": 1.0,
        "metadata": {"user_id": "u"},
        "max_tokens": 16_384,
    }


@pytest.mark.parametrize(
    ("asked", "cap"),
    [({}, 16_384), ({"max_tokens": 9}, 9), ({"max_tokens": 9, "output_cap": 5}, 5), ({"output_cap": 20_000}, 20_000)],
)
def test_the_lowest_cap_is_sent(asked, cap):
    assert sent(CLAUDE, ask(**asked))["max_tokens"] == cap


@pytest.mark.parametrize(
    ("model", "sent_fields"),
    [
        ("claude-3-haiku-20240307", {"temperature"}),
        ("claude-opus-4-20250514", {"temperature"}),
        ("claude-sonnet-4@20250514", {"temperature"}),
        ("eu.anthropic.claude-sonnet-4-6-v1:0", {"temperature"}),
        ("claude-opus-4-7", set()),
        ("claude-sonnet-5", set()),
        ("claude-of-tomorrow", set()),
        ("another-makers-model", {"temperature"}),
        ("arn:aws:bedrock:eu-west-1:1:application-inference-profile/x", set()),
    ],
)
def test_a_temperature_goes_to_models_that_take_one(model, sent_fields):
    body = sent(AnthropicChat(model), ask(temperature=0.5, top_p=0.5))

    assert body.keys() & {"temperature", "top_p"} == sent_fields
    assert sent(AnthropicChat(model), ask(top_p=0.5)).keys() & {"top_p"} == ({"top_p"} if sent_fields else set())


def test_every_answer_recorded_on_bedrock_is_a_chat_answer():
    operation = AnthropicChat("anthropic.claude-3-haiku-20240307-v1:0", BEDROCK)
    found = [each for each in recorded("/invoke", host="bedrock-runtime") if "anthropic_version" in each.asked]

    assert found
    for exchange in found:
        body = msgspec.json.decode(prove_request(operation, ask(max_tokens=5)).body)

        assert prove_reply(operation, ask(), exchange.response).usage.output_tokens > 0
        assert body.keys() == {"messages", "max_tokens", "anthropic_version"}
        assert body["anthropic_version"] == exchange.asked["anthropic_version"]


def test_json_is_answered_by_a_tool_and_told_as_content():
    asked = ask(response_format=FORMAT)
    body = sent(CLAUDE, asked)
    use = {"type": "tool_use", "id": "t", "name": ANSWER_TOOL, "input": {"a": 1}}
    message = {"type": "message", "id": "m", "model": "c", "content": [use], "stop_reason": "tool_use", "usage": {}}
    answer = prove_reply(CLAUDE, asked, HttpResponse(200, {}, msgspec.json.encode(message)))

    assert body["tools"][0]["input_schema"] == FORMAT["json_schema"]["schema"]
    assert body["tool_choice"] == {"type": "tool", "name": ANSWER_TOOL}
    choice = msgspec.json.decode(answer.document)["choices"][0]
    assert choice["message"]["content"] == '{"a":1}'
    assert choice["finish_reason"] == "stop"


def test_a_tool_call_without_arguments_is_streamed_as_an_empty_object():
    for name, place in (("f", "tool_calls"), (ANSWER_TOOL, "content")):
        start = {"type": "content_block_start", "index": 0}
        events = [
            {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 1}}},
            {**start, "content_block": {"type": "tool_use", "id": "t", "name": name, "input": {}}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
        body = b"".join(b"data: " + msgspec.json.encode(event) + b"\n\n" for event in events)
        pieces = prove_stream(CLAUDE, ask(response_format=FORMAT), body)

        deltas = [c["delta"] for p in pieces for c in msgspec.json.decode(p.document)["choices"]]
        told = deltas[-2][place]
        assert (told if place == "content" else told[0]["function"]["arguments"]) == "{}"


@pytest.mark.parametrize(
    ("field", "value"), [("logprobs", True), ("frequency_penalty", 0.5), ("presence_penalty", 0.1)]
)
def test_what_cannot_be_said_is_refused_by_name(field, value):
    with pytest.raises(ProviderRefused) as caught:
        CLAUDE.request(ask(**{field: value}))

    assert [error.pointer for error in caught.value.errors] == [f"/{field}"]


@pytest.mark.parametrize("part", [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}])
def test_sound_is_refused_where_it_stands(part):
    with pytest.raises(ProviderRefused) as caught:
        CLAUDE.request(ask({"role": "user", "content": [part]}))

    assert caught.value.errors[0].pointer == "/messages/0/content/0"


@pytest.mark.parametrize(
    ("hosting", "path", "version"),
    [
        (VERTEX, "/publishers/anthropic/models/claude-x@1:streamRawPredict", "vertex-2023-10-16"),
        (BEDROCK, "/model/claude-x%401/invoke-with-response-stream", "bedrock-2023-05-31"),
    ],
)
def test_where_others_host_it_the_model_stands_in_the_path(hosting, path, version):
    operation = AnthropicChat("claude-x@1", hosting)
    request = prove_request(operation, ask(is_stream=True))

    body = msgspec.json.decode(request.body)
    assert request.path == path
    assert body["anthropic_version"] == version
    assert "model" not in body
    assert ("stream" in body) == hosting.says_stream


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (401, "authentication_error", ProviderKeyRejected),
        (403, "permission_error", ProviderKeyRejected),
        (404, "not_found_error", ProviderDown),
        (413, "request_too_large", ContextTooLong),
        (400, "invalid_request_error", ProviderRefused),
        (500, "api_error", ProviderDown),
        (529, "overloaded_error", ProviderBusy),
    ],
)
def test_refusals_have_their_class(status, kind, error):
    body = msgspec.json.encode({"type": "error", "error": {"type": kind, "message": "sk-ant-secret"}})
    found = prove_failure(CLAUDE, HttpResponse(status, {}, body), error)

    assert kind in found.reason
    assert error is not ProviderKeyRejected or "secret" not in found.reason


def test_busy_says_when_to_come_back():
    error = prove_failure(CLAUDE, HttpResponse(429, {"retry-after": "7"}, b"busy"), ProviderBusy)

    assert error.retry_after_s == 7


def test_an_error_in_a_stream_is_raised_as_what_it_is():
    body = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'

    with pytest.raises(ProviderBusy):
        read(CLAUDE, ask(), [body])


def test_tokens_are_counted_for_the_same_conversation():
    operation = AnthropicTokenCount(model="claude-sonnet-4-5")
    asked = ask(tools=[TOOL], temperature=0.5, max_tokens=5)
    request = prove_request(operation, asked)
    answer = prove_reply(operation, asked, HttpResponse(200, {}, b'{"input_tokens": 14}'))

    assert request.path == "/v1/messages/count_tokens"
    assert msgspec.json.decode(request.body).keys() == {"model", "messages", "tools"}
    assert answer.document == b'{"input_tokens":14}'
    with pytest.raises(ProviderBroken):
        operation.reply(asked, HttpResponse(200, {}, b"{}"))


def test_tokens_of_messages_are_counted_as_they_stand():
    document = b'{"messages":[],"max_tokens":9,"thinking":{"x":1.10},"stream":true,"model":"other","anthropic_beta":["pdfs-2024-09-25","mine"]}'
    request = prove_request(AnthropicMessageCount(model="claude-x"), Ask(document))

    assert b'"thinking":{"x":1.10}' in request.body
    assert msgspec.json.decode(request.body).keys() == {"model", "messages", "thinking"}
    assert dict(request.headers)["anthropic-beta"] == "pdfs-2024-09-25"


@pytest.mark.parametrize("kind", [AnthropicTokenCount, AnthropicMessageCount])
def test_on_vertex_every_model_is_counted_at_one_place_that_is_told_its_name(kind):
    request = prove_request(kind(model="claude-x@1", hosting=VERTEX), ask())

    assert request.path == "/publishers/anthropic/models/count-tokens:rawPredict"
    assert msgspec.json.decode(request.body).keys() == {"model", "messages", "anthropic_version"}
    assert msgspec.json.decode(request.body)["model"] == "claude-x@1"
