"""Responses: OpenAI's newer form of a chat, with items in and items out, whole or as named events.

Every shape is open: items are the vendor's own. Only a target that speaks this dialect serves it; `chat` is served by all.
Source: OpenAI API, `POST /v1/responses`.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

NAME = "responses"

_encode = msgspec.json.Encoder().encode


class Request(Struct, frozen=True):
    """A text, or items of a conversation, and how to go on."""

    input: (
        Annotated[str, Meta(min_length=1, max_length=4_000_000)]
        | Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=10_000)]
    )
    instructions: str | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    tools: Annotated[list[dict[str, Any]], Meta(max_length=128)] | None = None
    background: Literal[False] | None = None


class Reply(Struct, frozen=True):
    """The whole response."""

    id: str
    object: Literal["response"]
    created_at: float
    status: Literal["completed", "incomplete"]
    model: str
    output: list[dict[str, Any]]


class Event(Struct, frozen=True):
    """One event, named by its type."""

    type: str


class _Ended(Struct, frozen=True):
    type: str = ""
    response: msgspec.Raw = msgspec.Raw(b"null")


_ended = msgspec.json.Decoder(_Ended).decode
ENDS = frozenset({"response.completed", "response.incomplete"})


def assembled(events: Iterable[bytes]) -> bytes:
    """The whole response, which the last event holds.

    Raises: ValueError when no event ends it.
    """
    last = next((event for event in map(_ended, reversed(list(events))) if event.type in ENDS), None)
    if last is None:
        raise ValueError("no event ends the response")
    return bytes(last.response)


def events_of(reply: bytes) -> list[bytes]:
    """A whole response as the event that ends it."""
    status = msgspec.json.decode(reply, type=Reply).status
    return [_encode({"type": f"response.{status}", "sequence_number": 0, "response": msgspec.Raw(reply)})]
