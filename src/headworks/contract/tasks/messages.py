"""Messages: Anthropic's form of a chat, with blocks in and blocks out, whole or as named events.

Every shape is open: blocks are the vendor's own, so thoughts keep their signatures and cache hints their effect. Only a
target that speaks this dialect serves it; `chat` is served by all.
Source: Anthropic API, `POST /v1/messages` and its streaming events.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

NAME = "messages"

Block = dict[str, Any]
Beta = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]{0,79}$")]

_read = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_JOINED = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_EMPTIED: dict[str, Block] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}


class Turn(Struct, frozen=True):
    """What one side said, as text or as blocks."""

    role: Literal["user", "assistant"]
    content: str | Annotated[list[Block], Meta(max_length=10_000)]


class Request(Struct, frozen=True):
    """The conversation so far, and how to go on."""

    messages: Annotated[list[Turn], Meta(min_length=1, max_length=10_000)]
    max_tokens: Annotated[int, Meta(ge=1, le=10_000_000)]
    system: str | list[Block] | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    tools: Annotated[list[Block], Meta(max_length=1000)] | None = None
    anthropic_beta: Annotated[list[Beta], Meta(max_length=64)] | None = None
    """Features of the vendor's under test, as its header `anthropic-beta` names them; a target passes on those it is allowed."""


class Reply(Struct, frozen=True):
    """The whole message."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[Block]
    stop_reason: str | None
    usage: dict[str, Any]


class Event(Struct, frozen=True):
    """One event, named by its type."""

    type: str


def assembled(events: Iterable[bytes]) -> bytes:
    """The whole message that these events tell.

    Raises: DecodeError, ValidationError; ValueError when it is not begun or not ended.
    """
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for event in map(_read, events):
        kind = event.get("type")
        if kind == "message_start":
            message = {**event["message"], "content": []}
        elif kind == "content_block_start":
            message["content"].append(event["content_block"])
        elif kind == "content_block_delta":
            _join(message["content"][event["index"]], event["delta"], event["index"], pieces)
        elif kind == "message_delta":
            message |= event["delta"]
            message["usage"] = {**message["usage"], **event.get("usage", {})}
        elif kind == "message_stop":
            for index, text in pieces.items():
                message["content"][index]["input"] = _read(text.encode()) if text else {}
            return _encode(message)
    raise ValueError("the message is not ended")


def events_of(reply: bytes) -> list[bytes]:
    """The events that tell a whole message.

    Raises: DecodeError, ValidationError.
    """
    whole = _read(reply)
    begun = {**whole, "content": [], "stop_reason": None, "stop_sequence": None}
    told: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
    for index, block in enumerate(whole["content"]):
        start = {**block, **_EMPTIED.get(block["type"], {})}
        told.append({"type": "content_block_start", "index": index, "content_block": start})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in _deltas(block)]
        told.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": whole.get("stop_sequence")}
    told += [{"type": "message_delta", "delta": ended, "usage": whole["usage"]}, {"type": "message_stop"}]
    return [_encode(event) for event in told]


def _join(block: Block, delta: dict[str, Any], index: int, pieces: dict[int, str]) -> None:
    """Add one delta to its block; arguments are JSON only once they are whole."""
    kind = delta["type"]
    if kind in _JOINED:
        field = _JOINED[kind]
        block[field] = (block.get(field) or "") + delta[field]
    elif kind == "input_json_delta":
        pieces[index] = pieces.get(index, "") + delta["partial_json"]
    elif kind == "citations_delta":
        block["citations"] = [*(block.get("citations") or ()), delta["citation"]]


def _deltas(block: Block) -> list[dict[str, Any]]:
    if block["type"] == "tool_use":
        return [{"type": "input_json_delta", "partial_json": _encode(block["input"]).decode()}]
    if block["type"] not in _EMPTIED:
        return []
    return [{"type": kind, field: block[field]} for kind, field in _JOINED.items() if block.get(field)]
