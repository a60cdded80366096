"""OpenAI's dialect against what OpenAI, Azure, DeepSeek and two local servers really answered."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.errors import (
    ContentRefused,
    HeadworksError,
    ProviderBroken,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
)
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.embeddings import OpenAiEmbeddings
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request, prove_stream, read
from headworks.targets.providers.wire import Ask
from tests.unit.targets.providers.recordings import recorded

DIALECT = {"model", "stream", "stream_options"}


def ask_of(exchange, **more):
    own = {name: value for name, value in exchange.asked.items() if name not in DIALECT}
    return Ask(msgspec.json.encode(own), is_stream=bool(exchange.asked.get("stream")), **more)


def chat_of(exchange):
    return OpenAiChat(exchange.asked.get("model", "deployment"), Server(cap="max_completion_tokens"))


def test_every_recorded_chat_answer_is_taken_as_it_came():
    for exchange in recorded("/chat/completions"):
        if "error" in msgspec.json.decode(exchange.response.body):
            continue
        answer = prove_reply(chat_of(exchange), ask_of(exchange), exchange.response)

        told = msgspec.json.decode(exchange.response.body)
        if "message" in told["choices"][0]:
            assert answer.document is exchange.response.body, exchange
        else:
            assert msgspec.json.decode(answer.document)["choices"][0]["finish_reason"] == "content_filter"
        assert answer.usage.input_tokens == told["usage"]["prompt_tokens"]
        assert answer.usage.output_tokens == told["usage"]["completion_tokens"]
        assert answer.model == told["model"]


def test_an_error_inside_a_200_is_an_error():
    found = [each for each in recorded("/chat/completions") if "error" in msgspec.json.decode(each.response.body)]

    assert found
    for exchange in found:
        with pytest.raises(ContentRefused):
            chat_of(exchange).reply(ask_of(exchange), exchange.response)


def test_every_recorded_chat_request_is_made_again():
    for exchange in recorded("/chat/completions", host="api.openai.com"):
        request = prove_request(chat_of(exchange), ask_of(exchange))

        sent = msgspec.json.decode(request.body)
        if "max_tokens" in exchange.asked:
            assert sent.pop("max_completion_tokens") == exchange.asked["max_tokens"]
        expected = {name: value for name, value in exchange.asked.items() if name not in {"stream", "max_tokens"}}
        assert {name: sent[name] for name in sent} == expected, exchange


def test_every_recorded_chat_stream_reads_the_same_however_it_is_cut():
    for exchange in recorded("/chat/completions", is_stream=True):
        body = exchange.response.body
        cuts = [(len(body) // 3, len(body) // 2), tuple(range(0, len(body), 7))]
        pieces = prove_stream(chat_of(exchange), ask_of(exchange), body, cuts)

        lines = [line[6:] for line in body.splitlines() if line.startswith(b"data: {")]
        told = [line for line in lines if b'"choices":[]' not in line or b'"usage":{' in line]
        assert [piece.document for piece in pieces] == told, exchange


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_stream_cut_anywhere_reads_the_same_and_never_ends_early(data):
    exchange = data.draw(st.sampled_from(recorded("/chat/completions", is_stream=True)))
    body = exchange.response.body
    operation, ask = chat_of(exchange), ask_of(exchange)
    cuts = data.draw(st.lists(st.integers(1, len(body)), max_size=20))
    places = [0, *sorted(cuts), len(body)]
    short = body[: data.draw(st.integers(0, body.rindex(b"data: [DONE]") + 5))]

    assert read(operation, ask, [body[a:b] for a, b in zip(places, places[1:], strict=False)]) == read(
        operation, ask, [body]
    )
    with pytest.raises(ProviderBroken):
        read(operation, ask, [short])


def test_every_recorded_embedding_is_taken_as_it_came():
    for exchange in recorded("/embeddings"):
        operation = OpenAiEmbeddings(model=exchange.asked.get("model", "deployment"), server=Server())
        prove_request(operation, ask_of(exchange))
        answer = prove_reply(operation, ask_of(exchange), exchange.response)

        assert answer.usage.input_tokens == msgspec.json.decode(answer.document)["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/chat/completions", 400, ProviderRefused),
        ("/chat/completions", 404, ProviderDown),
        ("/embeddings", 401, ProviderKeyRejected),
        ("/embeddings", 404, ProviderDown),
    ],
)
def test_every_recorded_refusal_has_its_class(path: str, status: int, kind: type[HeadworksError]):
    for exchange in recorded(path, status=status):
        error = prove_failure(chat_of(exchange), exchange.response, kind)

        assert error.reason.startswith(str(status))
