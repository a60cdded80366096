"""Cohere's chat, embeddings and rerank, by the forms its reference documents."""

import struct
from base64 import b64decode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.costs import Usage
from headworks.errors import (
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)
from headworks.targets.providers.cohere.chat import CohereChat
from headworks.targets.providers.cohere.embeddings import CohereEmbeddings
from headworks.targets.providers.cohere.rerank import CohereRerank
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request, prove_stream, read
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.chats import CALLED, FORMAT, PIXEL, TOOL, USER, ask, picture, sent

COMMAND = CohereChat("command-a")
EMBED = CohereEmbeddings(model="embed-v4.0")
RERANK = CohereRerank(model="rerank-v3.5")
USAGE = {"billed_units": {"input_tokens": 5, "output_tokens": 7}, "tokens": {"input_tokens": 71, "output_tokens": 9}}


def ok(document):
    return HttpResponse(200, {}, msgspec.json.encode(document))


def event(kind, **more):
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode({"type": kind, **more}) + b"\n\n"


def delta(kind, index=0, **message):
    return event(kind, index=index, delta={"message": message})


STREAM = b"".join(
    [
        event("message-start", id="c1", delta={"message": {"role": "assistant", "content": [], "tool_calls": []}}),
        delta("tool-plan-delta", tool_plan="I will look."),
        delta("tool-call-start", tool_calls={"id": "t", "function": {"name": "weather", "arguments": ""}}),
        delta("tool-call-delta", tool_calls={"function": {"arguments": '{"at":'}}),
        delta("tool-call-delta", tool_calls={"function": {"arguments": '"Oslo"}'}}),
        event("tool-call-end", index=0),
        delta("content-start", content={"type": "text", "text": ""}),
        delta("content-delta", content={"text": "Hél"}),
        delta("content-delta", content={"text": "lo"}),
        event("content-end", index=0),
        event("message-end", delta={"finish_reason": "TOOL_CALL", "usage": USAGE}),
    ]
)


def test_an_answer_is_a_chat_answer():
    message = {
        "role": "assistant",
        "tool_plan": "Look.",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi."}],
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "citations": [],
    }
    answer = prove_reply(
        COMMAND, ask(), ok({"id": "c", "finish_reason": "TOOL_CALL", "message": message, "usage": USAGE})
    )

    choice = msgspec.json.decode(answer.document)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Hi."
    assert choice["message"]["reasoning_content"] == "Look.Hm."
    assert choice["message"]["tool_calls"][0]["id"] == "t"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 7)


def test_a_stream_is_a_chat_stream_and_never_ends_early():
    pieces = prove_stream(COMMAND, ask(), STREAM)

    deltas = [c["delta"] for p in pieces for c in msgspec.json.decode(p.document)["choices"]]
    assert "".join(each.get("content") or "" for each in deltas) == "Héllo"
    arguments = [call["function"]["arguments"] for each in deltas for call in each.get("tool_calls", ())]
    assert "".join(arguments) == '{"at":"Oslo"}'
    assert pieces[-1].usage.output_tokens == 7


@given(cuts=st.lists(st.integers(1, len(STREAM)), max_size=20))
def test_where_a_stream_is_cut_changes_nothing(cuts):
    places = [0, *sorted(cuts), len(STREAM)]

    parts = [STREAM[a:b] for a, b in zip(places, places[1:], strict=False)]
    assert read(COMMAND, ask(), parts) == read(COMMAND, ask(), [STREAM])


def test_a_conversation_is_told_in_coheres_words():
    asked = ask(
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Where?"}, picture()]},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "t1", "content": "cold"},
        USER,
        tools=[TOOL],
        tool_choice="required",
        response_format=FORMAT,
        max_tokens=7,
        stop="END",
        temperature=1.7,
        top_p=0.5,
    )
    prove_request(COMMAND, asked)

    url = {"url": f"data:image/png;base64,{PIXEL}"}
    assert sent(COMMAND, asked) == {
        "model": "command-a",
        "stream": False,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Where?"}, {"type": "image_url", "image_url": url}]},
            {"role": "assistant", "tool_calls": [CALLED]},
            {"role": "tool", "tool_call_id": "t1", "content": "cold"},
            USER,
        ],
        "tools": [TOOL],
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "schema": {"type": "object", "required": ["a"]}},
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "temperature": 1.0,
        "p": 0.5,
    }


@pytest.mark.parametrize(("reason", "kind"), [("ERROR", ProviderBroken), ("TIMEOUT", ProviderTimeout)])
def test_an_answer_that_says_it_is_not_whole_is_an_error(reason, kind):
    with pytest.raises(kind):
        COMMAND.reply(ask(), ok({"id": "c", "finish_reason": reason, "message": {"content": []}}))
    with pytest.raises(kind):
        read(COMMAND, ask(), [event("message-end", delta={"finish_reason": reason})])


@pytest.mark.parametrize(
    ("asked", "input_type"), [({}, "search_document"), ({"input_type": "search_query"}, "search_query")]
)
def test_texts_are_embedded_for_what_they_are_for(asked, input_type):
    ask = Ask(msgspec.json.encode({"input": ["a", "b"], "dimensions": 2, "encoding_format": "base64", **asked}))
    request = prove_request(EMBED, ask)
    meta = {"billed_units": {"input_tokens": 4}}
    answer = prove_reply(EMBED, ask, ok({"id": "e", "embeddings": {"float": [[0.5, 1], [2, 3]]}, "meta": meta}))

    assert msgspec.json.decode(request.body) == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": input_type,
        "embedding_types": ["float"],
        "output_dimension": 2,
    }
    data = msgspec.json.decode(answer.document)["data"]
    assert [struct.unpack("<2f", b64decode(row["embedding"])) for row in data] == [(0.5, 1), (2, 3)]
    assert answer.usage.input_tokens == 4


@pytest.mark.parametrize("asked", [{"input": ["x"] * 97}, {"input": "x", "input_type": "poem"}, {"input": [1]}])
def test_what_cannot_be_embedded_is_refused(asked):
    with pytest.raises(ProviderRefused):
        EMBED.request(Ask(msgspec.json.encode(asked)))


def test_texts_are_ranked_best_first():
    ask = Ask(msgspec.json.encode({"query": "q", "texts": ["a", "b", "c"], "top_n": 2, "return_text": True}))
    request = prove_request(RERANK, ask)
    results = [{"index": 0, "relevance_score": 0.2}, {"index": 2, "relevance_score": 0.9}]
    answer = prove_reply(RERANK, ask, ok({"id": "r", "results": results}))
    billed = RERANK.reply(ask, ok({"results": results, "meta": {"billed_units": {"search_units": 2}}}))

    assert (answer.usage, billed.usage) == (None, Usage(searches=2))
    assert msgspec.json.decode(request.body) == {
        "model": "rerank-v3.5",
        "query": "q",
        "documents": ["a", "b", "c"],
        "top_n": 2,
    }
    assert msgspec.json.decode(answer.document) == [
        {"index": 2, "score": 0.9, "text": "c"},
        {"index": 0, "score": 0.2, "text": "a"},
    ]
    with pytest.raises(ProviderBroken):
        RERANK.reply(ask, ok({"results": [{"index": 3, "relevance_score": 1}]}))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderRefused),
        (401, ProviderKeyRejected),
        (404, ProviderDown),
        (422, ProviderRefused),
        (429, ProviderBusy),
        (498, ProviderKeyRejected),
        (499, ProviderDown),
        (500, ProviderDown),
        (503, ProviderBusy),
        (504, ProviderTimeout),
    ],
)
def test_refusals_have_their_class(status, kind):
    for operation in (COMMAND, EMBED, RERANK):
        prove_failure(operation, HttpResponse(status, {}, b'{"id": "x", "message": "told"}'), kind)
        prove_failure(operation, HttpResponse(status, {}, b"<html>"), kind)
