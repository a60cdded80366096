"""Server-sent events."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.dialects.native.events import KEEP_ALIVE, ending_chunk, event_chunk, spoken_chunk
from headworks.errors import ModelError


def events(text: bytes) -> list[tuple[str, str]]:
    """A reader of events as the specification has it."""
    read, kind, data = [], "message", list[str]()
    for line in text.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, _, value = line.partition(":")
        if not line:
            if data:
                read.append((kind, "\n".join(data)))
            kind, data = "message", []
        elif name == "event":
            kind = value.removeprefix(" ")
        elif name == "data":
            data.append(value.removeprefix(" "))
    return read


JSON = st.recursive(
    st.none() | st.text(max_size=9),
    lambda v: st.lists(v, max_size=2) | st.dictionaries(st.text(max_size=5), v, max_size=2),
    max_leaves=4,
)


@settings(max_examples=50)
@given(st.lists(st.tuples(JSON, st.sampled_from([None, 1])), max_size=4))
def test_every_event_arrives_as_it_was(documents: list[tuple[object, int | None]]) -> None:
    texts = [json.dumps(document, indent=indent) for document, indent in documents]
    sent = b"".join(event_chunk(text.replace("\n", "\r\n").encode()) + KEEP_ALIVE for text in texts)

    read = events(sent + ending_chunk(None, "r", "/"))

    assert [json.loads(data) for _, data in read[:-1]] == [document for document, _ in documents]
    assert read[-1] == ("end", "{}")


def test_an_error_ends_the_stream_with_its_problem() -> None:
    ((kind, data),) = events(ending_chunk(ModelError(reason="secret"), "r-1", "/api/a/v1"))

    assert kind == "error"
    assert json.loads(data)["code"] == "model_error"
    assert json.loads(data)["request_id"] == "r-1"
    assert "secret" not in data


NAMES = st.sampled_from(["usage", "logprobs", "finish_reason", "content", "delta", 'a,"usage":null', "other"])
DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text() | st.just(',"usage":null'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def without_unsaid(value):
    """A document without the null fields that a chunk may leave out, but for one that stands first in its object."""
    if isinstance(value, list):
        return [without_unsaid(each) for each in value]
    if not isinstance(value, dict):
        return value
    unsaid = {"usage", "logprobs", "finish_reason", "content", "refusal", "tool_calls"}
    return {
        name: without_unsaid(inner)
        for place, (name, inner) in enumerate(value.items())
        if place == 0 or inner is not None or name not in unsaid
    }


@given(DOCUMENTS)
def test_a_chunk_loses_nulls_that_say_nothing_and_nothing_else(document):
    sent = spoken_chunk(msgspec.json.encode(document))

    assert json.loads(sent.removeprefix(b"data: ")) == without_unsaid(document)
