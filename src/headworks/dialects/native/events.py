"""Server-sent events: one JSON text an event, then `end`, or `error` with a problem document.

Source: WHATWG HTML section 9.2.
"""

from headworks.contract.problem import problem_json
from headworks.errors import HeadworksError

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment that keeps middle boxes from closing a silent stream."""

END = b"event: end\ndata: {}\n\n"

_BREAKS = bytes.maketrans(b"\r\n", b"  ")


def event_chunk(event: bytes) -> bytes:
    """One event; a line break in a JSON text can only be white space, and would end the event."""
    if event.find(b"\n") >= 0 or event.find(b"\r") >= 0:  # `in` takes three times as long
        event = event.translate(_BREAKS)
    return b"data: " + event + b"\n\n"


_UNSAID = tuple(
    b',"%b":null' % name for name in (b"finish_reason", b"logprobs", b"usage", b"refusal", b"tool_calls", b"content")
)
"""Fields that chunks of language models carry without a value; no text of a model can hold these bytes, since its quotes are escaped."""


def spoken_chunk(event: bytes) -> bytes:
    """One event of a language model's answer without the fields that say nothing, as whole answers leave them out.

    Cost: 0.05 µs without a null, else 0.5 µs.
    """
    if event.find(b":null") >= 0:
        for unsaid in _UNSAID:
            event = event.replace(unsaid, b"")
    return event_chunk(event)


def ending_chunk(error: HeadworksError | None, request_id: str, instance: str) -> bytes:
    """The last event: the end, or the error that ended the stream."""
    if error is None:
        return END
    return b"event: error\ndata: " + problem_json(error, request_id, instance) + b"\n\n"
