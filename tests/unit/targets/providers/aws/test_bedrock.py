"""Bedrock's chats against what Bedrock really answered: every recorded request is made again, every answer read."""

import json
from base64 import b64decode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.contract.tasks import messages
from headworks.errors import (
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.facts import BEDROCK
from headworks.targets.providers.anthropic.messages import AnthropicMessages
from headworks.targets.providers.aws.bedrock_anthropic import BedrockAnthropic
from headworks.targets.providers.aws.bedrock_converse import ConverseChat
from headworks.targets.providers.kinds import bound
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request, prove_stream, read
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.aws.test_eventstream import event, message, text
from tests.unit.targets.providers.backends import KINDS
from tests.unit.targets.providers.recordings import recorded
from tests.unit.targets.providers.vendor_aws import refusal, request_of

HELLO = Ask(b'{"messages":[{"role":"user","content":"hello"}]}')
STREAMED = Ask(HELLO.document, is_stream=True)
CHAT = ConverseChat("amazon.nova-lite-v1:0")
CLAUDE = BedrockAnthropic(AnthropicChat("anthropic.claude-3-sonnet-20240229-v1:0", BEDROCK))
AS_IT_STANDS = Ask(b'{"messages":[{"role":"user","content":"hello"}],"max_tokens":9}', is_stream=True)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="


def asked_in_our_words(told, is_stream=False):
    """The chat that a recorded Converse request is the translation of."""
    messages = [{"role": "system", "content": block["text"]} for block in told.get("system", []) if "text" in block]
    for turn in told["messages"]:
        texts = [{"type": "text", "text": block["text"]} for block in turn["content"] if "text" in block]
        results = [block["toolResult"] for block in turn["content"] if "toolResult" in block]
        calls = [
            {"id": use["toolUseId"], "function": {"name": use["name"], "arguments": json.dumps(use["input"])}}
            for use in (block["toolUse"] for block in turn["content"] if "toolUse" in block)
        ]
        for result in results:
            content = [
                {"type": "text", "text": block.get("text") or json.dumps(block["json"])} for block in result["content"]
            ]
            messages.append({"role": "tool", "tool_call_id": result["toolUseId"], "content": content})
        if texts or calls:
            messages.append(
                {"role": turn["role"]}
                | ({"content": texts} if texts else {})
                | ({"tool_calls": calls} if calls else {})
            )
    names = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
    chat = {names[name]: value for name, value in told.get("inferenceConfig", {}).items()}
    tools = [tool["toolSpec"] for tool in told.get("toolConfig", {}).get("tools", [])]
    if tools:
        chat["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": one["name"],
                    "description": one["description"],
                    "parameters": one["inputSchema"]["json"],
                },
            }
            for one in tools
        ]
    return Ask(msgspec.json.encode(chat | {"messages": messages}), is_stream=is_stream)


def merged(turns):
    """Turns as we send them: neighbours of one role are one, results as text."""
    out = []
    for turn in turns:
        content = [
            {
                "toolResult": {
                    **block["toolResult"],
                    "content": [
                        {"text": part.get("text") or json.dumps(part["json"])}
                        for part in block["toolResult"]["content"]
                    ],
                }
            }
            if "toolResult" in block
            else block
            for block in turn["content"]
            if "cachePoint" not in block
        ]
        if out and out[-1]["role"] == turn["role"]:
            out[-1]["content"] += content
        else:
            out.append({"role": turn["role"], "content": content})
    return out


def model_of(exchange):
    from urllib.parse import unquote

    return unquote(exchange.path.split("/")[2])


SHORT_BYTES = 4_800
"""Streams up to this are cut at every line end; longer ones are read whole."""
SAYABLE = {"text", "toolUse", "toolResult", "cachePoint"}
CONVERSED = ("/converse", "/converse-stream")


@pytest.mark.parametrize("is_stream", [False, True])
def test_every_recorded_converse_request_is_made_again(is_stream):
    made = 0
    for exchange in recorded(CONVERSED[is_stream], is_stream=is_stream):
        blocks = [block for turn in exchange.asked["messages"] for block in turn["content"]]
        if not blocks or any(not SAYABLE & block.keys() for block in blocks):
            continue
        made += 1
        ask = asked_in_our_words(exchange.asked, is_stream)
        sent = prove_request(ConverseChat(model_of(exchange)), ask)

        told = msgspec.json.decode(sent.body)
        theirs = {
            "messages": merged(exchange.asked["messages"]),
            "system": [block for block in exchange.asked.get("system", []) if "text" in block],
            "inferenceConfig": exchange.asked.get("inferenceConfig", {}),
            "toolConfig": exchange.asked.get("toolConfig", {}),
        }
        assert sent.path == exchange.path
        assert told == {name: part for name, part in theirs.items() if part}, exchange

    assert made > 10


def test_every_recorded_converse_answer_is_read():
    for exchange in recorded("/converse"):
        told = msgspec.json.decode(exchange.response.body)
        answer = prove_reply(ConverseChat(model_of(exchange)), HELLO, exchange.response)

        choice = msgspec.json.decode(answer.document)["choices"][0]
        blocks = told["output"]["message"]["content"]
        assert (choice["message"]["content"] or "") == "".join(block.get("text", "") for block in blocks)
        assert [json.loads(call["function"]["arguments"]) for call in choice["message"].get("tool_calls", [])] == [
            block["toolUse"]["input"] for block in blocks if "toolUse" in block
        ]
        assert answer.usage.output_tokens == told["usage"]["outputTokens"]
        assert answer.usage.input_tokens + answer.usage.output_tokens == told["usage"]["totalTokens"]


def test_every_recorded_converse_stream_reads_the_same_however_it_is_cut():
    for exchange in recorded("/converse-stream", is_stream=True):
        body = exchange.response.body
        cuts = [(len(body) // 3, len(body) // 2), tuple(range(0, len(body), 7))]
        operation = ConverseChat(model_of(exchange))
        is_short = len(body) < SHORT_BYTES
        pieces = prove_stream(operation, STREAMED, body, cuts) if is_short else read(operation, STREAMED, [body])

        documents = [msgspec.json.decode(piece.document) for piece in pieces]
        assert documents[-1]["usage"]["completion_tokens"] == pieces[-1].usage.output_tokens > 0
        assert [one["choices"][0]["finish_reason"] for one in documents[:-1] if one["choices"][0]["finish_reason"]]


def test_recorded_tool_calls_are_streamed_with_their_arguments():
    found = 0
    for exchange in recorded("/converse-stream", is_stream=True):
        pieces = read(ConverseChat(model_of(exchange)), STREAMED, [exchange.response.body])
        calls = {}
        for piece in pieces:
            for choice in msgspec.json.decode(piece.document)["choices"]:
                for call in choice["delta"].get("tool_calls", []):
                    calls[call["index"]] = calls.get(call["index"], "") + call["function"]["arguments"]
        found += len(calls)
        assert all(isinstance(json.loads(arguments), dict) for arguments in calls.values())

    assert found


def test_every_recorded_answer_of_claude_is_read():
    for exchange in recorded("/invoke"):
        if "messages" not in exchange.asked or "anthropic_version" not in exchange.asked:
            continue
        answer = prove_reply(BedrockAnthropic(AnthropicChat(model_of(exchange), BEDROCK)), HELLO, exchange.response)

        told = msgspec.json.decode(exchange.response.body)
        assert answer.usage.output_tokens == told["usage"]["output_tokens"]


def test_every_recorded_stream_of_claude_reads_the_same_however_it_is_cut():
    found = 0
    for exchange in recorded("/invoke-with-response-stream", is_stream=True):
        if "anthropic_version" not in exchange.asked or "messages" not in exchange.asked:
            continue
        found += 1
        body = exchange.response.body
        cuts = [(len(body) // 3, len(body) // 2), tuple(range(0, len(body), 7))]
        operation = BedrockAnthropic(AnthropicChat(model_of(exchange), BEDROCK))
        is_short = len(body) < SHORT_BYTES
        pieces = prove_stream(operation, STREAMED, body, cuts) if is_short else read(operation, STREAMED, [body])

        assert pieces[-1].usage.output_tokens > 0

    assert found


def test_every_recorded_answer_and_stream_of_claude_passes_as_it_stands():
    streams = whole = 0
    for exchange in recorded("/invoke") + recorded("/invoke-with-response-stream", is_stream=True):
        if "anthropic_version" not in exchange.asked or "messages" not in exchange.asked:
            continue
        body, operation = exchange.response.body, BedrockAnthropic(AnthropicMessages(model_of(exchange), BEDROCK))
        if exchange.path.endswith("/invoke"):
            whole += 1
            assert prove_reply(operation, AS_IT_STANDS, exchange.response).document == body
            continue
        streams += 1
        pieces = read(operation, AS_IT_STANDS, [body[:100], body[100:]])
        message = msgspec.json.decode(messages.assembled(piece.document for piece in pieces))
        assert message["usage"]["output_tokens"] == pieces[-1].usage.output_tokens > 0
        with pytest.raises(ProviderBroken):
            read(operation, AS_IT_STANDS, [body[: len(body) // 2]])

    assert streams
    assert whole


def test_claude_is_asked_as_bedrock_wants_it():
    sent = prove_request(CLAUDE, STREAMED)

    body = json.loads(sent.body)
    assert sent.path == "/model/anthropic.claude-3-sonnet-20240229-v1%3A0/invoke-with-response-stream"
    assert body.pop("anthropic_version") == "bedrock-2023-05-31"
    assert body.keys() == {"messages", "max_tokens"}


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_stream_cut_short_anywhere_is_never_taken_for_whole(data):
    exchange = data.draw(st.sampled_from(recorded("/converse-stream", is_stream=True)))
    body = exchange.response.body
    short = data.draw(st.integers(0, len(body) - 1))

    with pytest.raises(ProviderBroken):
        read(ConverseChat("m"), STREAMED, [body[:short]])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", ProviderBusy),
        ("serviceUnavailableException", ProviderBusy),
        ("internalServerException", ProviderDown),
        ("modelStreamErrorException", ProviderDown),
        ("modelTimeoutException", ProviderTimeout),
        ("validationException", ProviderRefused),
        ("newException", ProviderDown),
    ],
)
def test_an_exception_within_a_stream_has_its_class(name, kind):
    body = event("messageStart", b'{"role":"assistant"}') + event(name, b'{"message":"words"}', "exception")

    with pytest.raises(kind) as caught:
        read(CHAT, STREAMED, [body])
    assert "words" in caught.value.reason
    assert "words" not in str(caught.value)


def test_an_error_message_within_a_stream_is_an_error():
    headers = text(":message-type", "error") + text(":error-code", "ThrottlingException") + text(":error-message", "x")

    with pytest.raises(ProviderBusy):
        read(CLAUDE, STREAMED, [message(headers, b"")])


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_an_answer_that_nobody_can_use_is_broken(reason):
    body = event("messageStop", json.dumps({"stopReason": reason}).encode())

    with pytest.raises(ProviderBroken):
        read(CHAT, STREAMED, [body])


def test_everything_a_chat_can_say_fits_the_vendors_model():
    chat = {
        "messages": [
            {"role": "system", "content": "Be short."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "function": {"name": "look", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": "a pixel"},
            {
                "role": "user",
                "content": [
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk="}},
                    {"type": "text", "text": "And?"},
                ],
            },
        ],
        "max_completion_tokens": 7,
        "temperature": 1.5,
        "stop": "END",
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        "tool_choice": "required",
        "response_format": {"type": "json_schema", "json_schema": {"name": "it", "schema": {"type": "object"}}},
    }
    sent = json.loads(prove_request(CHAT, Ask(json.dumps(chat).encode(), output_cap=5)).body)

    theirs = json.loads(json.dumps(sent))
    theirs["messages"][0]["content"][1]["image"]["source"]["bytes"] = __import__("base64").b64decode(PIXEL)
    theirs["messages"][2]["content"][1]["document"]["source"]["bytes"] = b"hi"
    made = request_of("bedrock-runtime", "Converse", {"modelId": CHAT.model, **theirs}, "rest-json")
    assert json.loads(made["body"]) == sent
    assert made["url_path"] == CHAT.request(HELLO).path
    assert sent["inferenceConfig"] == {"maxTokens": 5, "temperature": 1.0, "stopSequences": ["END"]}
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("field", ["logprobs", "frequency_penalty"])
def test_what_converse_has_no_word_for_is_refused(field):
    ask = Ask(
        json.dumps({"messages": [{"role": "user", "content": "a"}], field: 1 if field != "logprobs" else True}).encode()
    )

    with pytest.raises(ProviderRefused) as caught:
        CHAT.request(ask)
    assert caught.value.errors[0].pointer == f"/{field}"


@pytest.mark.parametrize("operation", [CHAT, CLAUDE])
def test_refusals_have_their_class(operation):
    prove_failure(operation, refusal("ThrottlingException", 429), ProviderBusy)
    prove_failure(operation, refusal("ModelErrorException", 424), ProviderDown)
    prove_failure(
        operation, HttpResponse(403, {"x-amzn-errortype": "AccessDeniedException"}, b"{}"), ProviderKeyRejected
    )
    for exchange in recorded("/does-not-exist/", status=400):
        prove_failure(operation, exchange.response, ProviderRefused)


@pytest.mark.parametrize(
    ("reference", "task", "counted"),
    [
        ("bedrock:amazon.nova-lite-v1:0", "token-count", "converse"),
        ("bedrock:eu.amazon.nova-lite-v1:0", "token-count", "converse"),
        ("bedrock-invoke:anthropic.claude-x", "token-count", "invokeModel"),
        ("bedrock-invoke:anthropic.claude-x", "message-token-count", "invokeModel"),
    ],
)
def test_what_is_counted_fits_the_vendors_model(reference, task, counted):
    operation = bound(KINDS, f"aws/{reference}", task).operation
    sent = prove_request(operation, HELLO)
    asked = json.loads(sent.body)["input"]
    theirs = {"converse": asked.get("converse")} if counted == "converse" else {"invokeModel": {"body": b"{}"}}
    made = request_of(
        "bedrock-runtime", "CountTokens", {"modelId": operation.model.removeprefix("eu."), "input": theirs}, "rest-json"
    )

    assert asked.keys() == json.loads(made["body"])["input"].keys() == {counted}
    assert sent.path == made["url_path"]
    if counted == "invokeModel":
        body = json.loads(b64decode(asked["invokeModel"]["body"]))
        assert body.keys() == {"messages", "max_tokens", "anthropic_version"}
