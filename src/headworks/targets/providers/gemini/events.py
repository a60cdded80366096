"""The streamed answer of Gemini as chunks of a chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.chat_out import ChunkWriter
from headworks.targets.providers.gemini.answering import (
    FunctionCall,
    Part,
    Response,
    candidates_of,
    finish_of,
    usage_of,
)
from headworks.targets.providers.sse import EventReader, ServerEvent
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Piece

_response = msgspec.json.Decoder(Response)


def call_id(call: FunctionCall, response_id: str, number: int) -> str:
    """The call's id; where Gemini gave none, one that no other call of a conversation has."""
    return call.id or f"call-{response_id}-{number}"


def signed_call(part: Part) -> dict[str, Any]:
    """What a caller has to hand back with the call, if anything."""
    if part.thought_signature is None:
        return {}
    return {"extra_content": {"google": {"thought_signature": part.thought_signature}}}


class _Under:
    """One answer that is under way: its chunks, how many calls it made, and why it ended."""

    __slots__ = ("calls", "chunks", "finish")

    def __init__(self, chunks: ChunkWriter) -> None:
        self.chunks = chunks
        self.calls = 0
        self.finish: str | None = None


class GeminiReader:
    """Reads to the end of the body; without a reason for the end of every answer before it, the whole is none."""

    __slots__ = ("_answers", "_events", "_model", "_usage")

    def __init__(self, model: str) -> None:
        self._events = EventReader()
        self._model = model
        self._answers: dict[int, _Under] = {}
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete.

        Raises: ContentRefused for a blocked input; what an error event means; ProviderBroken.
        """
        return self._pieces(self._events.feed(data))

    def finish(self) -> list[Piece]:
        """How the answers ended, and what they used.

        Raises: ProviderBroken when no end was told.
        """
        pieces = self._pieces(self._events.finish())
        if not self._answers:
            raise ProviderBroken(reason="the stream ended without an answer")
        for under in self._answers.values():
            if under.finish is None:
                raise ProviderBroken(reason="the stream ended without a finish reason")
            pieces.append(under.chunks.ended(finish_of(under.finish, under.calls > 0)))
        if self._usage is not None:
            pieces.append(next(iter(self._answers.values())).chunks.used(self._usage))
        return pieces

    def _pieces(self, events: list[ServerEvent]) -> list[Piece]:
        return [piece for event in events for piece in self._told(decoded(_response, event.data))]

    def _told(self, wire: Response) -> Iterator[Piece]:
        candidates = candidates_of(wire)
        self._usage = usage_of(wire.usage_metadata) or self._usage
        for index in [each.index for each in candidates] or [0]:
            if index not in self._answers:
                chunks = ChunkWriter(wire.response_id, wire.model_version or self._model, index)
                self._answers[index] = _Under(chunks)
                yield chunks.begun(self._usage)
        for candidate in candidates:
            under = self._answers[candidate.index]
            chances = candidate.chances
            for part in candidate.parts:
                yield from _told(under, part, chances, wire.response_id)
                chances = [] if part.text and not part.thought else chances
            under.finish = candidate.finish_reason or under.finish


def _told(under: _Under, part: Part, chances: list[dict[str, Any]], response_id: str) -> Iterator[Piece]:
    """The chunk of one part; the chances of an event's words go with its first text."""
    call = part.function_call
    if call is not None:
        called = call_id(call, response_id, under.calls)
        yield under.chunks.call(under.calls, called, call.name, bytes(call.args).decode(), signed_call(part))
        under.calls += 1
    elif part.text:
        yield under.chunks.thought(part.text) if part.thought else under.chunks.text(part.text, chances)
