"""Gemini against what it really answered, by key and on Vertex AI, and what is sent to it."""

import struct
from base64 import b64decode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.errors import (
    ContentRefused,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
)
from headworks.targets.providers.gemini.chat import GeminiChat
from headworks.targets.providers.gemini.counting import GeminiTokenCount
from headworks.targets.providers.gemini.embeddings import GeminiEmbeddings
from headworks.targets.providers.gemini.facts import API_MODELS, NO_SIGNATURE, VERTEX_MODELS
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request, prove_stream, read
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.chats import CALLED, FORMAT, PIXEL, TOOL, USER, ask, picture, sent
from tests.unit.targets.providers.recordings import recorded

GEMINI = GeminiChat("gemini-2.5-flash")
EMBED = GeminiEmbeddings(model="gemini-embedding-001")


def whole_parts(response):
    return response["candidates"][0]["content"].get("parts", [])


def test_every_recorded_answer_is_a_chat_answer():
    for exchange in recorded(":generateContent"):
        answer = prove_reply(GEMINI, ask(), exchange.response)

        told = msgspec.json.decode(exchange.response.body)
        message = msgspec.json.decode(answer.document)["choices"][0]["message"]
        parts = whole_parts(told)
        said = "".join(part.get("text", "") for part in parts if not part.get("thought"))
        assert (message["content"] or "") == said
        calls = [
            (call["function"]["name"], msgspec.json.decode(call["function"]["arguments"]))
            for call in message.get("tool_calls", [])
        ]
        functions = [part["functionCall"] for part in parts if "functionCall" in part]
        assert calls == [(function["name"], function.get("args", {})) for function in functions]
        spent = told.get("usageMetadata")
        assert (answer.usage is None) == (spent is None)
        if spent is not None:
            thoughts = spent.get("thoughtsTokenCount", 0)
            assert answer.usage.output_tokens == spent["candidatesTokenCount"] + thoughts
            assert "totalTokenCount" not in spent or answer.usage.input_tokens == (
                spent["totalTokenCount"] - answer.usage.output_tokens
            )


def test_every_recorded_stream_is_a_chat_stream():
    for exchange in recorded(":streamGenerateContent", is_stream=True):
        body = exchange.response.body
        pieces = prove_stream(GEMINI, ask(), body, [(len(body) // 2,), tuple(range(0, len(body), 11))])

        events = [msgspec.json.decode(line[5:]) for line in body.splitlines() if line.startswith(b"data:")]
        parts = [part for event in events for part in whole_parts(event)]
        deltas = [c["delta"] for p in pieces for c in msgspec.json.decode(p.document)["choices"]]
        said = "".join(part.get("text", "") for part in parts if not part.get("thought"))
        assert "".join(delta.get("content") or "" for delta in deltas) == said
        assert pieces[-1].usage.input_tokens == events[-1]["usageMetadata"]["promptTokenCount"]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_stream_cut_anywhere_reads_the_same_and_never_ends_early(data):
    exchange = data.draw(st.sampled_from(recorded(":streamGenerateContent", is_stream=True)))
    body = exchange.response.body
    places = [0, *sorted(data.draw(st.lists(st.integers(1, len(body)), max_size=20))), len(body)]
    short = body[: data.draw(st.integers(0, body.rindex(b'"finishReason"')))]

    parts = [body[a:b] for a, b in zip(places, places[1:], strict=False)]
    assert read(GEMINI, ask(), parts) == read(GEMINI, ask(), [body])
    with pytest.raises(ProviderBroken):
        read(GEMINI, ask(), [short])


def test_every_recorded_embedding_is_one():
    for exchange in recorded(":batchEmbedContents"):
        wire = msgspec.json.decode(exchange.response.body)
        texts = ["x"] * len(wire["embeddings"])
        answer = prove_reply(EMBED, Ask(msgspec.json.encode({"input": texts})), exchange.response)

        data = msgspec.json.decode(answer.document)["data"]
        assert [row["embedding"] for row in data] == [row["values"] for row in wire["embeddings"]]


def test_embeddings_are_told_in_base64_where_that_is_asked():
    body = b'{"embeddings": [{"values": [0.5, -2.0]}], "usageMetadata": {"promptTokenCount": 3}}'
    asked = Ask(b'{"input": "x", "encoding_format": "base64", "dimensions": 2}')
    request = prove_request(EMBED, asked)
    answer = prove_reply(EMBED, asked, HttpResponse(200, {}, body))

    part = {"model": "models/gemini-embedding-001", "outputDimensionality": 2, "content": {"parts": [{"text": "x"}]}}
    assert msgspec.json.decode(request.body) == {"requests": [part]}
    document = msgspec.json.decode(answer.document)
    assert struct.unpack("<2f", b64decode(document["data"][0]["embedding"])) == (0.5, -2.0)
    assert document["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


def test_tokens_cannot_be_embedded_and_vectors_must_be_as_many_as_texts():
    with pytest.raises(ProviderRefused):
        EMBED.request(Ask(b'{"input": [[1, 2]]}'))
    with pytest.raises(ProviderBroken):
        EMBED.reply(Ask(b'{"input": ["a", "b"]}'), HttpResponse(200, {}, b'{"embeddings": [{"values": [1]}]}'))


def test_a_conversation_with_tools_and_pictures_is_told_in_turns():
    asked = ask(
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Where?"}, picture()]},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "t1", "content": "cold"},
        USER,
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        response_format=FORMAT,
        max_tokens=7,
        stop=["END"],
        temperature=1.7,
        seed=3,
    )
    prove_request(GEMINI, asked)

    result = {"functionResponse": {"name": "weather", "response": {"result": "cold"}}}
    assert sent(GEMINI, asked) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Where?"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"at": "Oslo"}}}]},
            {"role": "user", "parts": [result, {"text": "Hi."}]},
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "description": "Now.",
                        "parametersJsonSchema": {"type": "object", "properties": {}},
                    }
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        "generationConfig": {
            "maxOutputTokens": 7,
            "stopSequences": ["END"],
            "temperature": 1.7,
            "seed": 3,
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object", "required": ["a"]},
        },
    }


def test_the_signature_of_a_call_goes_out_and_comes_back():
    part = {"functionCall": {"name": "weather", "args": {}}, "thoughtSignature": "sig"}
    candidate = {"content": {"parts": [part]}, "finishReason": "STOP"}
    body = msgspec.json.encode({"candidates": [candidate], "responseId": "r", "modelVersion": "gemini-3-pro"})
    operation = GeminiChat("gemini-3-pro")
    answer = prove_reply(operation, ask(), HttpResponse(200, {}, body))
    choice = msgspec.json.decode(answer.document)["choices"][0]
    result = {"role": "tool", "tool_call_id": choice["message"]["tool_calls"][0]["id"], "content": "cold"}
    again = sent(operation, ask(USER, choice["message"], result))
    foreign = sent(
        operation, ask(USER, {"role": "assistant", "tool_calls": [CALLED]}, {**result, "tool_call_id": "t1"})
    )

    assert choice["finish_reason"] == "tool_calls"
    assert again["contents"][1]["parts"] == [part]
    assert foreign["contents"][1]["parts"][0]["thoughtSignature"] == NO_SIGNATURE


def test_on_vertex_models_stand_elsewhere():
    operation = GeminiChat("gemini-2.5-pro", VERTEX_MODELS)

    path = operation.request(ask(is_stream=True)).path
    assert path == "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, ContentRefused),
        ({"candidates": []}, ProviderBroken),
        ({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}, ProviderBroken),
        ({"error": {"code": 503, "status": "UNAVAILABLE", "message": "later"}}, ProviderBusy),
    ],
)
def test_a_200_without_an_answer_is_an_error(document, kind):
    body = msgspec.json.encode(document)

    with pytest.raises(kind):
        GEMINI.reply(ask(), HttpResponse(200, {}, body))
    with pytest.raises(kind):
        read(GEMINI, ask(), [b"data: " + body + b"\r\n\r\n"])


def test_an_answer_held_back_says_so():
    body = b'{"candidates": [{"finishReason": "SAFETY"}], "usageMetadata": {"promptTokenCount": 4}}'
    answer = prove_reply(GEMINI, ask(), HttpResponse(200, {}, body))

    choice = msgspec.json.decode(answer.document)["choices"][0]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"]["content"] is None


@pytest.mark.parametrize(
    ("status", "word", "details", "kind"),
    [
        (400, "INVALID_ARGUMENT", [], ProviderRefused),
        (400, "INVALID_ARGUMENT", [{"reason": "API_KEY_INVALID"}], ProviderKeyRejected),
        (400, "FAILED_PRECONDITION", [], ProviderKeyRejected),
        (403, "PERMISSION_DENIED", [], ProviderKeyRejected),
        (404, "NOT_FOUND", [], ProviderDown),
        (500, "INTERNAL", [], ProviderDown),
        (503, "UNAVAILABLE", [], ProviderBusy),
    ],
)
def test_refusals_have_their_class(status, word, details, kind):
    error = {"error": {"code": status, "status": word, "message": "m", "details": details}}
    for document in (error, [error]):
        prove_failure(GEMINI, HttpResponse(status, {}, msgspec.json.encode(document)), kind)


def test_busy_says_when_to_come_back_in_its_details():
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    body = msgspec.json.encode({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}})
    error = prove_failure(GEMINI, HttpResponse(429, {}, body), ProviderBusy)

    assert error.retry_after_s == 34.5


@pytest.mark.parametrize("models", [API_MODELS, VERTEX_MODELS])
def test_tokens_are_counted_for_the_same_conversation(models):
    operation = GeminiTokenCount(model="gemini-x", models=models)
    asked = ask({"role": "system", "content": "s"}, USER, tools=[TOOL], tool_choice="auto", temperature=0.5)
    request = prove_request(operation, asked)
    answer = prove_reply(operation, asked, HttpResponse(200, {}, b'{"totalTokens": 14, "promptTokensDetails": []}'))
    body = msgspec.json.decode(request.body)
    if models == API_MODELS:
        body = body["generateContentRequest"]
        assert body.pop("model") == "models/gemini-x"

    assert request.path == f"{models}/gemini-x:countTokens"
    assert body.keys() == {"contents", "systemInstruction", "tools"}
    assert answer.document == b'{"input_tokens":14}'
    with pytest.raises(ProviderBroken):
        operation.reply(asked, HttpResponse(200, {}, b"{}"))
