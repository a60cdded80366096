"""Server-sent events."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.dialects.native.events import KEEP_ALIVE, ending_chunk, event_chunk
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
