"""A good answer is told, not asked for again, where its usage cannot be read or cannot be true; what that used is unknown."""

import pytest
from msgspec import json

from headworks.contract import tasks
from headworks.costs import Usage
from headworks.money.prices import cost_micros
from headworks.settings.money import Price
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.messages import AnthropicMessages
from headworks.targets.providers.aws.bedrock_converse import ConverseChat
from headworks.targets.providers.aws.bedrock_embeddings import COUNTED, TitanEmbeddings
from headworks.targets.providers.breaker import BreakerSettings
from headworks.targets.providers.cohere.chat import CohereChat
from headworks.targets.providers.cohere.embeddings import CohereEmbeddings
from headworks.targets.providers.cohere.rerank import CohereRerank
from headworks.targets.providers.gemini.chat import GeminiChat
from headworks.targets.providers.gemini.embeddings import GeminiEmbeddings
from headworks.targets.providers.google.vertex_embed import VertexEmbeddings
from headworks.targets.providers.health import Health
from headworks.targets.providers.huggingface.tgi import Generate
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.completion import OpenAiCompletion
from headworks.targets.providers.openai.embeddings import OpenAiEmbeddings
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.images import OpenAiImages
from headworks.targets.providers.openai.responses import OpenAiResponses
from headworks.targets.providers.openai.transcription import OpenAiTranscription
from headworks.targets.providers.proof import prove_reply, prove_stream
from headworks.targets.providers.target import ProviderTarget, TargetPolicy
from headworks.targets.providers.understand import believed
from headworks.targets.providers.wire import Ask, Bound, HttpResponse
from tests.fakes_providers import QUICK, EchoKey, FakeWorld, Opened, Says, make_call
from tests.unit.targets.providers.aws.test_eventstream import event
from tests.unit.targets.providers.chats import ask

PRICE = Price(input=1, output=1, image=None, search=1)
SERVER = Server()
SAID = [{"type": "text", "text": "Hi."}]
TEXT = Ask(b'{"input": "x"}')
HEAD = {"id": "c", "created": 1, "model": "m"}
MESSAGE = {
    "type": "message", "id": "a", "role": "assistant", "model": "m", "content": SAID, "stop_reason": "end_turn",
}  # fmt: skip
RESPONSE = {"id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "m", "output": []}
MADE = {"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}], "responseId": "r"}


def chunk(**more):
    return {**HEAD, "object": "chat.completion", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}], **more}  # fmt: skip


def converse(usage):
    message = {"role": "assistant", "content": [{"text": "Hi."}]}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage}


def completion(**more):
    return {
        **HEAD,
        "object": "text_completion",
        "choices": [{"index": 0, "text": "x", "finish_reason": "stop"}],
        **more,
    }


def vertex(usage):
    return {"predictions": [{"embeddings": {"values": [1.0], "statistics": usage}}]}


VECTOR = [{"object": "embedding", "index": 0, "embedding": [1.0]}]
WHOLE = {
    "openai chat": (OpenAiChat("m", SERVER), ask(), lambda usage: chunk(usage=usage), "prompt_tokens"),
    "completion": (
        OpenAiCompletion("m", SERVER), Ask(b'{"prompt": "x"}'), lambda usage: completion(usage=usage), "prompt_tokens",
    ),
    "openai embeddings": (
        OpenAiEmbeddings(model="m", server=SERVER), TEXT,
        lambda usage: {"object": "list", "data": VECTOR, "model": "m", "usage": usage}, "prompt_tokens",
    ),
    "responses": (OpenAiResponses("m", SERVER), TEXT, lambda usage: {**RESPONSE, "usage": usage}, "input_tokens"),
    "images": (
        OpenAiImages(model="m", server=SERVER), Ask(b'{"prompt": "x"}'),
        lambda usage: {"created": 1, "data": [{"b64_json": "aGk="}], "usage": usage}, "input_tokens",
    ),
    "transcription": (
        OpenAiTranscription(model="m", server=SERVER), Ask(b'{"inputs": "aGk="}'),
        lambda usage: {"text": "Hi.", "usage": usage, "duration": "long"}, "input_tokens",
    ),
    "anthropic chat": (AnthropicChat("m"), ask(), lambda usage: {**MESSAGE, "usage": usage}, "input_tokens"),
    "messages": (AnthropicMessages("m"), ask(), lambda usage: {**MESSAGE, "usage": usage}, "input_tokens"),
    "gemini": (GeminiChat("m"), ask(), lambda usage: {**MADE, "usageMetadata": usage}, "promptTokenCount"),
    "gemini embeddings": (
        GeminiEmbeddings(model="m"), TEXT,
        lambda usage: {"embeddings": [{"values": [1.0]}], "usageMetadata": usage}, "promptTokenCount",
    ),
    "cohere": (
        CohereChat("m"), ask(),
        lambda usage: {
            "id": "c", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": SAID},
            "usage": {"billed_units": usage},
        }, "input_tokens",
    ),
    "cohere embeddings": (
        CohereEmbeddings(model="m"), TEXT,
        lambda usage: {"embeddings": {"float": [[1.0]]}, "meta": {"billed_units": usage}}, "input_tokens",
    ),
    "cohere rerank": (
        CohereRerank(model="m"), Ask(b'{"query": "x", "texts": ["a"]}'),
        lambda usage: {"results": [{"index": 0, "relevance_score": 0.5}], "meta": {"billed_units": usage}},
        "search_units",
    ),
    "converse": (ConverseChat("m"), ask(), converse, "inputTokens"),
    "vertex embeddings": (VertexEmbeddings(model="m"), TEXT, vertex, "token_count"),
    "tgi": (
        Generate(), Ask(b'{"inputs": "x"}'),
        lambda usage: {"generated_text": "x", "details": {"finish_reason": "length", "generated_tokens": usage}}, "n",
    ),
}  # fmt: skip
UNREAD = [
    "12",
    [],
    5.5,
    {"NAME": "12"},
    {"NAME": -1},
    {"NAME": 1.5},
    {"NAME": 10**12 + 1},
    {"NAME": 10**30},
    {"NAME": 1e300},
]


def named(told, name):
    return {name: told["NAME"]} if isinstance(told, dict) else told


@pytest.mark.parametrize("told", UNREAD, ids=str)
@pytest.mark.parametrize("kind", WHOLE)
def test_an_answer_is_kept_and_what_it_used_is_unknown(kind, told):
    operation, asked, made, name = WHOLE[kind]
    answer = prove_reply(operation, asked, HttpResponse(200, {}, json.encode(made(named(told, name)))))

    usage = believed(answer.usage)
    assert usage is None or (usage.input_tokens is usage.searches is usage.seconds is None)
    assert usage is None or kind == "images" or cost_micros(PRICE, usage) is None


def data(*events):
    return b"".join(b"data: %b\n\n" % json.encode(event) for event in events)


def claude(usage):
    return data(
        {
            "type": "message_start",
            "message": {**MESSAGE, "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
        {"type": "message_stop"},
    )


def cohere(usage):
    return data(
        {"type": "message-start", "id": "c"},
        {"type": "content-delta", "delta": {"message": {"content": {"text": "Hi."}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {"billed_units": usage}}},
    )


def chats(usage):
    part = {**HEAD, "object": "chat.completion.chunk"}
    said = {"index": 0, "delta": {"content": "Hi."}, "finish_reason": "stop"}
    told = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    return (
        data({**part, "choices": [said], "usage": told}, {**part, "choices": [], "usage": usage}) + b"data: [DONE]\n\n"
    )


def completions(usage):
    return data(completion(), {**completion(), "choices": [], "usage": usage}) + b"data: [DONE]\n\n"


def responses(usage):
    ended = {"type": "response.completed", "response": {**RESPONSE, "usage": usage}}
    return data({"type": "response.output_text.delta", "delta": "Hi."}, ended)


def gemini(usage):
    begun = {"candidates": [{"content": {"parts": [{"text": "H"}]}}], "responseId": "r"}
    return data(begun | {"usageMetadata": {"promptTokenCount": 3}}, {**MADE, "usageMetadata": usage})


def bedrock(usage):
    return b"".join(
        event(name, json.encode(payload))
        for name, payload in (
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi."}}),
            ("messageStop", {"stopReason": "end_turn"}),
            ("metadata", {"usage": usage}),
        )
    )


STREAMS = {
    "openai chat": chats, "completion": completions, "responses": responses, "anthropic chat": claude,
    "messages": claude, "cohere": cohere, "gemini": gemini, "converse": bedrock,
}  # fmt: skip


@pytest.mark.parametrize("told", UNREAD, ids=str)
@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_goes_to_its_end_and_what_it_told_before_is_not_what_it_used(kind, told):
    operation, asked, _, name = WHOLE[kind]
    pieces = prove_stream(operation, asked, STREAMS[kind](named(told, name)), [()])

    usage = believed([piece.usage for piece in pieces if piece.usage is not None][-1])
    assert usage is None or cost_micros(PRICE, usage) is None


def test_a_count_in_a_head_that_nobody_could_have_used_is_none():
    body = json.encode({"embedding": [1.0]})
    counts = [
        TitanEmbeddings(model="m").reply(TEXT, HttpResponse(200, {COUNTED: told}, body)).usage
        for told in ("7", "9" * 5000, "-1", "1.5", "")
    ]

    assert counts == [Usage(input_tokens=7, output_tokens=0), None, None, None, None]


@pytest.mark.parametrize("told", ["12", None, {"NAME": -1}, {"NAME": 10**30}], ids=str)
@pytest.mark.parametrize("kind", WHOLE)
def test_it_is_asked_for_once_and_charged_as_held(kind, told):
    operation, asked, made, name = WHOLE[kind]
    world = FakeWorld()
    said = Says(200, json.encode(made(named(told, name))))
    world.plays(said, said, said)
    bound, opened = Bound(operation, world.origin, (EchoKey("k"),)), Opened(world.client)
    reply, health = tasks.reply(operation.task), Health(BreakerSettings())
    target = ProviderTarget("up/m", "up/m", bound, reply, health, world.tools(), TargetPolicy(QUICK))
    call = make_call(world.clock, asked.document)
    outcome = world.wait(target.start(call, "k1", call.deadline_ns, opened)).result()

    assert outcome.body
    assert world.sent() == 1
    assert outcome.cost_micros is None
    assert [micros for _, micros in opened.settlements] == [None]
