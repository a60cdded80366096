"""Whatever JSON a stranger sends to a vendor's path is understood or refused; nothing else happens."""

import copy
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.contract import tasks
from headworks.contract.schema import contract_from
from headworks.dialects.anthropic.events import MessagesEvents, MessageWriter
from headworks.dialects.anthropic.messages import Messages
from headworks.dialects.anthropic.told import Form as told_form
from headworks.dialects.openai.body import Form
from headworks.dialects.openai.chat import Chat, ChatWriter, TextWriter
from headworks.dialects.openai.completions import Completions, CompletionWriter
from headworks.dialects.openai.embeddings import Embeddings
from headworks.dialects.openai.more import images, moderations, speech
from headworks.dialects.openai.responses import Responses
from headworks.dialects.openai.responses_events import ResponsesEvents, ResponsesWriter
from headworks.dialects.openai.transcriptions import Transcriptions
from headworks.errors import CallerError, ContractViolation
from headworks.ports import Read
from headworks.values import Endpoint, RawRequest
from tests.unit.dialects.chunks import REQUEST_ID

PIXEL = "data:image/png;base64,AA=="
TURNS = [
    {"role": "system", "content": "s"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "t"},
            {"type": "image_url", "image_url": {"url": PIXEL}},
        ],
    },
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "r"},
]
ITEMS = [
    {"role": "user", "content": [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": PIXEL}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "t"}]},
]
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
BLOCKS = [
    {"role": "user", "content": [{"type": "text", "text": "t"}, PICTURE]},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [PICTURE], "is_error": True}]},
]
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
FORMAT = {"type": "json_schema", "name": "n", "schema": {}}
MESSAGES = {
    "messages": BLOCKS, "max_tokens": 9, "system": [{"type": "text", "text": "s"}], "metadata": {"user_id": "u"},
    "tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "tool", "name": "f"},
    "output_config": {"format": FORMAT}, "thinking": {"type": "enabled"}, "stop_sequences": ["x"],
}  # fmt: skip
RESPONSES = {
    "input": ITEMS, "instructions": "i", "tools": [{"type": "function", "name": "f", "parameters": {}}],
    "tool_choice": {"type": "function", "name": "f"}, "text": {"format": FORMAT, "verbosity": "low"},
    "reasoning": {"effort": "low"}, "store": False, "metadata": {}, "max_output_tokens": 9,
}  # fmt: skip
CHAT = {
    "messages": TURNS, "tools": [FUNCTION], "tool_choice": "auto", "stream_options": {"include_usage": True},
    "response_format": {"type": "json_object"}, "stop": ["x"],
}  # fmt: skip
SPEECH = {"input": "x", "voice": {"id": "a"}, "response_format": "mp3", "speed": 1, "stream_format": "audio"}
DIALECTS = {
    "chat": (Chat(), "chat", CHAT),
    "completions": (Completions(), "chat", {"prompt": ["x"], "max_tokens": 3, "echo": False, "stop": "x"}),
    "completions, same": (Completions(), "completion", {"prompt": "x", "max_tokens": 3}),
    "responses": (Responses(), "chat", RESPONSES),
    "responses, same": (Responses(), "responses", RESPONSES),
    "messages": (Messages(), "chat", MESSAGES),
    "messages, same": (Messages(), "messages", MESSAGES),
    "embeddings": (Embeddings(), "embeddings", {"input": ["a"], "encoding_format": "base64"}),
    "moderations": (moderations(), "moderation", {"input": [{"type": "text", "text": "a"}]}),
    "images": (images(), "image-generation", {"prompt": "a", "n": 1}),
    "speech": (speech(), "text-to-speech", SPEECH),
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.just(10**30),
    st.text(max_size=3),
    st.sampled_from(["text", "function", "user", "tool", "http://x/", "data:"]),
    st.just([]),
    st.just({}),
    st.just([7]),
    st.just([None]),
    st.just([{}]),
    st.just({"type": ["x"]}),
    st.just({"type": {}}),
)


def places(document, path=()):
    """Where a value stands that can be replaced."""
    yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in items:
        yield from places(value, (*path, name))


def replaced(document, path, value):
    if not path:
        return value
    document = copy.deepcopy(document)
    at = document
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return document


def endpoint_of(task):
    contract = contract_from(*tasks.schemas(task), False, True, ())
    return Endpoint("any", 1, contract, (), task)


ENDPOINTS = {task: endpoint_of(task) for _, task, _ in DIALECTS.values()}
SPOKEN = endpoint_of("speech-to-text")
PLACES = {name: list(places(document)) for name, (_, _, document) in DIALECTS.items()}


def raw_of(body, media="application/json"):
    return RawRequest(REQUEST_ID, "POST", "/v1/x", "", {"content-type": media}, body, "127.0.0.1", 0)


def understood(name, document):
    """What is read once the endpoint is known, so with a `model`."""
    dialect, task, _ = DIALECTS[name]
    if isinstance(document, dict):
        document = {**document, "model": "any"}
    return dialect.read(raw_of(json.dumps(document).encode()), ENDPOINTS[task])


def told(read):
    """What was read; None when it was refused, by an error of the caller's."""
    try:
        return read()
    except CallerError:
        return None


@pytest.mark.parametrize("name", DIALECTS)
def test_a_request_in_full_is_understood(name):
    read = understood(name, {"model": "any", **DIALECTS[name][2], "stream": name == "chat"})

    assert isinstance(read, Read)
    assert "model" not in json.loads(read.payload.document)


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_request_with_anything_anywhere_is_understood_or_refused(name, data):
    document = {"model": "any", **DIALECTS[name][2], **({"stream": True} if name == "chat" else {})}
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(PLACES[name]))
        try:
            document = replaced(document, path, data.draw(JUNK))
        except (KeyError, IndexError, TypeError):
            continue  # the second place went with the first

    read = told(lambda: understood(name, document))

    assert read is None or isinstance(json.loads(read.payload.document), dict)


EVENT = {
    "id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "type": "message_start",
    "choices": [
        {
            "index": 0, "finish_reason": None,
            "delta": {
                "role": "assistant", "content": "a", "refusal": None, "reasoning_content": "b",
                "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}],
            },
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
    "message": {"id": "m"}, "response": {"id": "r"},
}  # fmt: skip
EVENT_PLACES = list(places(EVENT))
OPENAIS, ANTHROPICS = Form("any", REQUEST_ID, has_usage=True), told_form("any", REQUEST_ID, has_thoughts=True)
WRITERS = [
    lambda: ChatWriter(OPENAIS),
    lambda: TextWriter(OPENAIS),
    lambda: CompletionWriter(OPENAIS),
    lambda: ResponsesWriter(OPENAIS),
    lambda: ResponsesEvents(OPENAIS.model),
    lambda: MessageWriter(ANTHROPICS),
    lambda: MessagesEvents(ANTHROPICS.model),
]


@pytest.mark.parametrize("make", WRITERS, ids=range(len(WRITERS)))
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_an_event_with_anything_anywhere_is_told_or_breaks_the_contract(make, data):
    writer, written = make(), b""
    for _ in range(2):
        event = replaced(EVENT, data.draw(st.sampled_from(EVENT_PLACES)), data.draw(JUNK))
        with suppress(ContractViolation):
            written += writer.event(json.dumps(event).encode())
    written += writer.end(None)

    assert b"\n\n\n" not in written
    assert all(line == b"" or line.startswith((b"data: ", b"event: ")) for line in written.split(b"\n"))


@settings(max_examples=200, deadline=None)
@given(
    fields=st.dictionaries(
        st.sampled_from(["model", "response_format", "language", "stream", "timestamp_granularities[]", "file", "x"]),
        st.binary(max_size=6),
    )
)
def test_a_form_with_anything_in_it_is_understood_or_refused(fields):
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value.replace(b"\r\n", b""))
        for name, value in fields.items()
    ]
    raw = raw_of(b"".join(parts) + b"--b--\r\n", "multipart/form-data; boundary=b")

    read = told(lambda: Transcriptions().read(raw, SPOKEN))

    assert read is None or read.payload.blobs[0][1] == fields["file"].replace(b"\r\n", b"")
