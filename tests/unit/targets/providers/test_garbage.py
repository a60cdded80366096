"""Whatever a provider sends, an operation answers with an answer or with one of our errors, never with another exception."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.errors import HeadworksError
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.counting import AnthropicMessageCount, AnthropicTokenCount
from headworks.targets.providers.anthropic.messages import AnthropicMessages
from headworks.targets.providers.cohere.chat import CohereChat
from headworks.targets.providers.cohere.embeddings import CohereEmbeddings
from headworks.targets.providers.cohere.rerank import CohereRerank
from headworks.targets.providers.gemini.chat import GeminiChat
from headworks.targets.providers.gemini.counting import GeminiTokenCount
from headworks.targets.providers.gemini.embeddings import GeminiEmbeddings
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.files import files
from headworks.targets.providers.openai.jobs import batches, stored, tuning
from headworks.targets.providers.openai.offers import MAKERS
from headworks.targets.providers.wire import Ask, HttpResponse

CHAT = b'{"messages": [{"role": "user", "content": "Hi."}]}'
EMBED = b'{"input": "x"}'
ASKS = {
    "chat": CHAT,
    "token-count": CHAT,
    "message-token-count": CHAT,
    "messages": b'{"messages": [], "max_tokens": 1}',
    "embeddings": EMBED,
    "moderation": EMBED,
    "responses": EMBED,
    "completion": b'{"prompt": "x"}',
    "image-generation": b'{"prompt": "x"}',
    "image-editing": b'{"prompt": "x", "images": ["data:image/png;base64,aGk="]}',
    "rerank": b'{"query": "x", "texts": ["a", "b"]}',
    "text-to-speech": b'{"inputs": "x"}',
    "speech-to-text": b'{"inputs": "aGk="}',
    **dict.fromkeys(("files", "batches", "fine-tuning", "stored-responses"), b'{"action": "retrieve", "id": "a"}'),
}
OPERATIONS = [
    *(make("m", Server()) for make in MAKERS.values()),
    *(make(Server()) for make in (files, batches, stored, tuning)),
    AnthropicChat("m"),
    AnthropicTokenCount(model="m"),
    AnthropicMessageCount(model="m"),
    AnthropicMessages("m"),
    GeminiChat("m"),
    GeminiEmbeddings(model="m"),
    GeminiTokenCount(model="m"),
    CohereChat("m"),
    CohereEmbeddings(model="m"),
    CohereRerank(model="m"),
]
WORDS = st.sampled_from(
    "id object created model choices index message delta role content text finish_reason usage prompt_tokens error code type "
    "status results data embedding embeddings values float output response stop_reason thinking tool_calls function name "
    "arguments input candidates parts functionCall finishReason usageMetadata promptFeedback details reason segments start end "
    "relevance_score meta billed_units input_tokens message_start content_block_delta message_delta message-start message-end "
    "response.completed completed stop tool_use STOP 5 retryDelay".split()
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 600) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)
DOCUMENTS = st.dictionaries(WORDS, TREES, max_size=6) | TREES
CALL = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}
WHOLE = [
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [CALL]}, "finish_reason": "stop"}],
        "usage": USAGE,
    },
    {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "x", "tool_calls": [CALL]}, "finish_reason": None}],
        "usage": USAGE,
    },
    {
        "type": "message",
        "id": "a",
        "model": "m",
        "content": [{"type": "text", "text": "x"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3},
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{"}},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
    {
        "candidates": [
            {
                "content": {"parts": [{"text": "x", "thought": True}, {"functionCall": {"name": "f", "args": {}}}]},
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
        "responseId": "r",
    },
    {
        "id": "c",
        "finish_reason": "COMPLETE",
        "message": {"content": [{"type": "text", "text": "x"}], "tool_calls": [CALL], "tool_plan": "p"},
        "usage": {"billed_units": {"input_tokens": 1, "output_tokens": 2}},
    },
    {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": CALL}}},
    {"id": "batch_1", "object": "batch", "output_file_id": "file-1", "errors": {"object": "list", "data": []}},
    {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [{"retryDelay": "3s"}]}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
    {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1]}], "model": "m", "usage": USAGE},
    {"type": "response.completed", "response": {"id": "r", "status": "completed", "usage": {"input_tokens": 1}}},
]


def places(document, at=()):
    """Every place in a document."""
    yield at
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in inner:
        yield from places(value, (*at, name))


def put(document, at, value):
    """The document with another value in one place."""
    if not at:
        return value
    copy = document.copy()
    copy[at[0]] = put(document[at[0]], at[1:], value)
    return copy


@st.composite
def bent(draw):
    """A good document with one value that does not belong there."""
    document = draw(st.sampled_from(WHOLE))
    return put(document, draw(st.sampled_from(list(places(document)))), draw(TREES))


BODIES = bent().map(msgspec.json.encode) | DOCUMENTS.map(msgspec.json.encode) | st.binary(max_size=40)
KINDS = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: type(each).__name__)


def survives(call, *about):
    try:
        return call(*about)
    except HeadworksError as error:
        return error


@KINDS
@settings(max_examples=40, deadline=None)
@given(body=BODIES, status=st.integers(300, 599))
def test_no_body_breaks_an_operation(operation, body, status):
    ask = Ask(ASKS[operation.task])
    survives(operation.reply, ask, HttpResponse(200, {"content-type": "application/json"}, body))
    error = operation.failure(HttpResponse(status, {"retry-after": "x"}, body))

    assert isinstance(error, HeadworksError)
    assert error.detail == error.title


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.can_stream], ids=lambda each: type(each).__name__
)
@settings(max_examples=40, deadline=None)
@given(bodies=st.lists(BODIES, max_size=4), names=WORDS)
def test_no_event_breaks_a_reader(operation, bodies, names):
    reader = operation.reader(Ask(ASKS[operation.task], is_stream=True))
    for body in bodies:
        pieces = survives(reader.feed, b"event: " + names.encode() + b"\ndata: " + body + b"\n\n")

        assert isinstance(pieces, list | HeadworksError)
    assert isinstance(survives(reader.finish), list | HeadworksError)
