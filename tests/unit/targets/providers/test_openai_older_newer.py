"""OpenAI's older and newer way to ask, against what it and two local servers really answered."""

import msgspec
import pytest

from headworks.contract.schema import Schema
from headworks.contract.tasks import completion, responses, schemas
from headworks.errors import ProviderBroken, ProviderBusy, ProviderDown
from headworks.targets.providers.openai.completion import OpenAiCompletion
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.responses import OpenAiResponses
from headworks.targets.providers.proof import prove_reply, prove_request, prove_stream, read
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.recordings import recorded

COMPLETION = OpenAiCompletion("gpt-3.5-turbo-instruct", Server())
RESPONSES = OpenAiResponses("gpt-5", Server())


def completions(*, is_stream=False):
    found = recorded("/v1/completions", is_stream=is_stream)
    return [each for each in found if not each.path.startswith("/v1/chat")]


def ask_of(exchange, **more):
    own = {name: value for name, value in exchange.asked.items() if name not in {"model", "stream", "stream_options"}}
    return Ask(msgspec.json.encode(own), is_stream=bool(exchange.asked.get("stream")), **more)


def test_every_recorded_completion_is_taken_as_it_came():
    for exchange in completions():
        prove_request(COMPLETION, ask_of(exchange))
        answer = prove_reply(COMPLETION, ask_of(exchange), exchange.response)

        assert answer.document is exchange.response.body
        assert answer.usage.input_tokens == msgspec.json.decode(answer.document)["usage"]["prompt_tokens"]


def test_every_recorded_stream_of_completions_reads_the_same_however_it_is_cut():
    for exchange in completions(is_stream=True):
        body = exchange.response.body
        pieces = prove_stream(COMPLETION, ask_of(exchange), body, [(len(body) // 2,), tuple(range(0, len(body), 7))])

        whole = msgspec.json.decode(completion.assembled(piece.document for piece in pieces))
        assert Schema(schemas("completion")[1]).errors(whole) == ()


def test_the_lower_cap_is_sent_and_streaming_asks_for_usage():
    asked = Ask(b'{"prompt": "x", "max_tokens": 50}', is_stream=True, output_cap=20)

    assert msgspec.json.decode(COMPLETION.request(asked).body) == {
        "prompt": "x",
        "max_tokens": 20,
        "model": "gpt-3.5-turbo-instruct",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_an_unknown_word_for_the_end_of_a_completion_is_an_ordinary_end():
    choice = {"index": 0, "text": "x", "finish_reason": "eos"}
    head = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    response = HttpResponse(200, {}, msgspec.json.encode({**head, "choices": [choice]}))
    answer = prove_reply(COMPLETION, Ask(b'{"prompt": "x"}'), response)

    assert msgspec.json.decode(answer.document)["choices"][0]["finish_reason"] == "stop"
    with pytest.raises(ProviderBroken):
        COMPLETION.reply(Ask(b"{}"), HttpResponse(200, {}, b"{}"))


def test_every_recorded_response_is_taken_as_it_came():
    for exchange in recorded("/v1/responses"):
        answer = prove_reply(RESPONSES, ask_of(exchange), exchange.response)

        assert answer.document is exchange.response.body
        spent = msgspec.json.decode(answer.document)["usage"]
        assert answer.usage.input_tokens == spent["input_tokens"]
        assert answer.usage.reasoning_tokens == spent["output_tokens_details"]["reasoning_tokens"]
        assert msgspec.json.decode(responses.assembled(responses.events_of(answer.document))) == msgspec.json.decode(
            answer.document
        )


def test_every_recorded_request_for_a_response_is_made_again():
    for exchange in recorded("/v1/responses"):
        sent = msgspec.json.decode(prove_request(RESPONSES, ask_of(exchange, output_cap=99)).body)

        assert sent.pop("max_output_tokens") <= 99
        expected = {"store": False, **exchange.asked, "model": "gpt-5"}  # the vendor keeps it unless told not to
        expected.pop("max_output_tokens", None)
        assert sent == expected


def events(*told):
    return b"".join(
        b"event: " + each["type"].encode() + b"\ndata: " + msgspec.json.encode(each) + b"\n\n" for each in told
    )


DELTA = {"type": "response.output_text.delta", "delta": "Hi"}
WHOLE = {"id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "gpt-5", "output": []}


def test_a_streamed_response_passes_as_it_came():
    usage = {"input_tokens": 3, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}}
    body = events(
        {"type": "response.created"}, DELTA, {"type": "response.completed", "response": {**WHOLE, "usage": usage}}
    )
    pieces = prove_stream(RESPONSES, Ask(b'{"input": "x"}', is_stream=True), body)

    assert [piece.is_content for piece in pieces] == [False, True, False]
    assert pieces[-1].usage.reasoning_tokens == 2
    assert msgspec.json.decode(responses.assembled(piece.document for piece in pieces))["id"] == "r"


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "m", "param": None}, ProviderBusy),
        ({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "m"}}, ProviderBusy),
        (
            {"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error"}}},
            ProviderDown,
        ),
    ],
)
def test_a_response_that_fails_in_its_stream_is_raised_as_what_it_is(last, kind):
    with pytest.raises(kind):
        read(RESPONSES, Ask(b'{"input": "x"}', is_stream=True), [events(DELTA, last)])


def test_a_response_that_is_not_ended_is_broken():
    body = b'{"id": "r", "object": "response", "status": "in_progress"}'

    with pytest.raises(ProviderBroken):
        RESPONSES.reply(Ask(b'{"input": "x"}'), HttpResponse(200, {}, body))
