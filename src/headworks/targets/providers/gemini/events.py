"""The streamed answer of Gemini as chunks of a chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from headworks.errors import ProviderBroken
from headworks.targets.providers.chat_out import ChunkWriter
from headworks.targets.providers.gemini.answering import (
    FunctionCall,
    Part,
    Response,
    finish_of,
    only_candidate,
    usage_of,
)
from headworks.targets.providers.sse import EventReader, ServerEvent
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Piece
from headworks.values import Usage

_response = msgspec.json.Decoder(Response)


def call_id(call: FunctionCall, response_id: str, number: int) -> str:
    """The call's id; where Gemini gave none, one that no other call of a conversation has."""
    return call.id or f"call-{response_id}-{number}"


def signed_call(part: Part) -> dict[str, Any]:
    """What a caller has to hand back with the call, if anything."""
    if part.thought_signature is None:
        return {}
    return {"extra_content": {"google": {"thought_signature": part.thought_signature}}}


class GeminiReader:
    """Reads to the end of the body; without a reason for the end before it, the answer is not whole."""

    __slots__ = ("_chunks", "_events", "_finish", "_model", "_number", "_usage")

    def __init__(self, model: str) -> None:
        self._events = EventReader()
        self._model = model
        self._chunks: ChunkWriter | None = None
        self._number = 0
        self._usage: Usage | None = None
        self._finish: str | None = None

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete.

        Raises: ContentRefused for a blocked input; what an error event means; ProviderBroken.
        """
        return self._pieces(self._events.feed(data))

    def finish(self) -> list[Piece]:
        """How the answer ended, and what it used.

        Raises: ProviderBroken when no end was told.
        """
        pieces = self._pieces(self._events.finish())
        if self._finish is None or self._chunks is None:
            raise ProviderBroken(reason="the stream ended without a finish reason")
        pieces.append(self._chunks.ended(finish_of(self._finish, self._number > 0)))
        if self._usage is not None:
            pieces.append(self._chunks.used(self._usage))
        return pieces

    def _pieces(self, events: list[ServerEvent]) -> list[Piece]:
        return [piece for event in events for piece in self._told(decoded(_response, event.data))]

    def _told(self, wire: Response) -> Iterator[Piece]:
        candidate = only_candidate(wire)
        self._usage = usage_of(wire.usage_metadata) or self._usage
        if self._chunks is None:
            self._chunks = ChunkWriter(wire.response_id, wire.model_version or self._model)
            yield self._chunks.begun(self._usage)
        if candidate is None:
            return
        parts = candidate.content.parts if candidate.content is not None else None
        for part in parts or ():
            yield from self._part(self._chunks, part, wire.response_id)
        self._finish = candidate.finish_reason or self._finish

    def _part(self, chunks: ChunkWriter, part: Part, response_id: str) -> Iterator[Piece]:
        call = part.function_call
        if call is not None:
            called = call_id(call, response_id, self._number)
            yield chunks.call(self._number, called, call.name, bytes(call.args).decode(), signed_call(part))
            self._number += 1
        elif part.text:
            yield chunks.thought(part.text) if part.thought else chunks.text(part.text)
