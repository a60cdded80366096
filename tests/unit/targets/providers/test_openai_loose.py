"""Servers that speak OpenAI's dialect loosely, or break off: every answer follows the contract, or is an error."""

import msgspec
import pytest

from headworks.contract import tasks
from headworks.costs import Usage
from headworks.errors import (
    ContentRefused,
    ContextTooLong,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
)
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.embeddings import OpenAiEmbeddings
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_stream, read
from headworks.targets.providers.understand import UNKNOWN
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.chats import ask

CHAT = OpenAiChat("m", Server())
SAID = {"message": {"role": "assistant", "content": "Hi."}}
DONE = b"data: [DONE]\n\n"
OWN = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}


def ok(document):
    return HttpResponse(200, {}, msgspec.json.encode(document))


def data(document):
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


@pytest.mark.parametrize(
    ("choice", "finish"),
    [
        (SAID, "stop"),
        ({**SAID, "finish_reason": None}, "stop"),
        ({**SAID, "finish_reason": "eos"}, "stop"),
        ({**SAID, "finish_reason": "max_tokens"}, "length"),
        ({**SAID, "finish_reason": "tool_use"}, "tool_calls"),
    ],
)
def test_a_loose_answer_is_made_to_follow_the_contract(choice, finish):
    answer = prove_reply(CHAT, ask(), ok({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}))

    told = msgspec.json.decode(answer.document)
    assert told["choices"][0]["finish_reason"] == finish
    assert (told["model"], told["object"]) == ("m", "chat.completion")


def test_loose_chunks_are_made_to_follow_the_contract():
    body = b": ping\n\n" + b"".join(
        [
            data({"choices": [{"delta": {"role": "assistant", "content": None}}]}),
            data({"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}),
            data({"choices": [{"delta": None, "finish_reason": "eos_token"}]}),
            data({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}),
        ]
    )
    pieces = prove_stream(CHAT, ask(), body + DONE + b"data: not read\n\n")

    assert [piece.is_content for piece in pieces] == [False, True, False, False]
    assert msgspec.json.decode(pieces[2].document)["choices"][0]["finish_reason"] == "stop"
    assert pieces[3].usage == Usage(input_tokens=1, output_tokens=2)


def test_what_servers_count_is_told_in_our_words():
    spent = {
        "prompt_tokens": 10,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    deepseek = {"prompt_tokens": 10, "completion_tokens": 9, "prompt_cache_hit_tokens": 4}
    usages = [prove_reply(CHAT, ask(), ok({"choices": [SAID], "usage": told})).usage for told in (spent, deepseek)]

    assert usages[0] == Usage(input_tokens=10, output_tokens=9, cached_tokens=4, reasoning_tokens=5)
    assert usages[1] == Usage(input_tokens=10, output_tokens=9, cached_tokens=4)


@pytest.mark.parametrize(
    "told",
    ["12", [], 5, {"prompt_tokens": "12", "completion_tokens": 2}, {"prompt_tokens": 1e30, "completion_tokens": 1.5}],
)
def test_a_good_answer_is_not_lost_for_a_count_that_cannot_be_read(told):
    whole = prove_reply(
        CHAT, ask(), ok({**OWN, "choices": [{"index": 0, **SAID, "finish_reason": "stop"}], "usage": told})
    )
    part = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    pieces = prove_stream(CHAT, ask(), data({**OWN, "choices": [part], "usage": told}) + DONE)

    assert msgspec.json.decode(whole.document)["choices"][0]["message"]["content"] == "Hi."
    assert whole.usage == UNKNOWN
    assert [piece.usage for piece in pieces] == [UNKNOWN]


@pytest.mark.parametrize("event", [b": hello\n\n", data({"choices": [{"delta": {"content": "Hi"}}]})])
def test_a_stream_that_is_done_without_saying_why_is_no_whole_answer(event):
    with pytest.raises(ProviderBroken):
        read(CHAT, ask(), [event, DONE])


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": 1, "index": "x"}]}', b"\xff"]
)
def test_what_is_no_answer_is_broken(body):
    with pytest.raises(ProviderBroken):
        CHAT.reply(ask(), HttpResponse(200, {}, body))


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (data({"error": {"message": "m", "type": "server_error", "code": None}}), ProviderDown),
        (data({"error": {"message": "m", "code": 429}}), ProviderBusy),
        (data({"error": {"message": "m", "code": "content_filter"}}), ContentRefused),
        (data({"error": "told in words only"}), ProviderDown),
        (b'event: error\ndata: {"message": "no"}\n\n', ProviderBroken),
        (b"data: {broken\n\n", ProviderBroken),
        (b"data: 5\n\n", ProviderBroken),
    ],
)
def test_an_error_in_a_stream_is_raised_as_what_it_is(event, kind):
    first = data({"choices": [{"delta": {"content": "Hi"}}]})

    with pytest.raises(kind):
        read(CHAT, ask(), [first, event, DONE])


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (400, {"error": {"code": "context_length_exceeded", "message": "m"}}, ContextTooLong),
        (400, {"error": {"code": 400, "type": "exceed_context_size_error", "message": "m"}}, ContextTooLong),
        (400, {"error": {"code": None, "type": "invalid_request_error", "message": "m"}}, ProviderRefused),
        (400, {"error": {"code": "content_filter", "innererror": {"code": "x"}, "message": "m"}}, ContentRefused),
        (429, {"error": {"code": "insufficient_quota", "type": "insufficient_quota"}}, ProviderKeyRejected),
        (429, {"error": {"code": "rate_limit_exceeded", "type": "requests"}}, ProviderBusy),
        (401, {"error": "Unauthorized"}, ProviderKeyRejected),
        (404, {"object": "error", "message": "no model", "type": "NotFoundError", "code": 404}, ProviderDown),
        (422, {"detail": [{"loc": ["body"], "msg": "extra"}]}, ProviderRefused),
        (400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT"}}], ProviderRefused),
        (502, {}, ProviderDown),
    ],
)
def test_refusals_in_every_form_have_their_class(status, document, kind):
    prove_failure(CHAT, HttpResponse(status, {}, msgspec.json.encode(document)), kind)


def test_embeddings_without_a_head_are_made_to_follow_the_contract():
    operation = OpenAiEmbeddings(model="e", server=Server())
    vector = {"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}
    answer = prove_reply(operation, Ask(b'{"input": "x"}'), ok({"data": [vector], "usage": {"prompt_tokens": 2}}))

    assert msgspec.json.decode(answer.document)["model"] == "e"
    assert answer.usage == Usage(input_tokens=2, output_tokens=0)
    for body in (b"{}", b'{"data": []}', b"null"):
        with pytest.raises(ProviderBroken):
            operation.reply(Ask(b'{"input": "x"}'), HttpResponse(200, {}, body))


@pytest.mark.parametrize(
    ("message", "is_read"),
    [
        ({"role": "assistant", "content": "Hi."}, True),
        ({"role": "assistant", "content": [{"type": "text", "text": "Hi."}]}, False),
        ({"role": "tool", "content": "Hi."}, False),
        ({}, False),
    ],
)
def test_only_what_reads_as_the_tasks_own_reply_is_said_to_be_read_as_it(message, is_read):
    response = ok({**OWN, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    answer = CHAT.reply(ask(), response)

    assert answer.document == response.body
    assert (answer.read_as is tasks.reply("chat").declared) == is_read
    assert tasks.reply("chat").surely_holds(answer.document) == is_read
