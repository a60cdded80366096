"""The streamed answer of Cohere's chat as chunks."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.errors import ProviderBroken
from headworks.targets.providers.chat_out import ChunkWriter
from headworks.targets.providers.cohere.answering import held_to_its_end, usage_of
from headworks.targets.providers.cohere.facts import FINISHES
from headworks.targets.providers.sse import EventReader, ServerEvent
from headworks.targets.providers.understand import NULL
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Piece


class _Content(Struct, frozen=True):
    text: str = ""
    thinking: str = ""


class _Function(Struct, frozen=True):
    name: str = ""
    arguments: str = ""


class _Call(Struct, frozen=True):
    id: str = ""
    function: _Function = _Function()


class _Message(Struct, frozen=True):
    content: _Content | list[_Content] | None = None
    tool_calls: _Call | list[_Call] | None = None
    tool_plan: str = ""


class _Delta(Struct, frozen=True):
    message: _Message = _Message()
    finish_reason: str = ""
    usage: Raw = NULL


class _Event(Struct, frozen=True):
    type: str = ""
    id: str = ""
    delta: _Delta = _Delta()


_event = msgspec.json.Decoder(_Event)


class CohereReader:
    """Reads to `message-end`, without which the answer is not whole."""

    __slots__ = ("_call", "_chunks", "_events", "_is_done", "_model")

    def __init__(self, model: str) -> None:
        self._events = EventReader()
        self._model = model
        self._chunks = ChunkWriter("", model)
        self._call = -1
        self._is_done = False

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete.

        Raises: ProviderBroken; ProviderTimeout where Cohere gave up.
        """
        return self._pieces(self._events.feed(data))

    def finish(self) -> list[Piece]:
        """What was left.

        Raises: ProviderBroken when `message-end` never came.
        """
        pieces = self._pieces(self._events.finish())
        if not self._is_done:
            raise ProviderBroken(reason="the stream ended without message-end")
        return pieces

    def _pieces(self, events: list[ServerEvent]) -> list[Piece]:
        pieces: list[Piece] = []
        for event in events:
            if self._is_done:
                break
            told = decoded(_event, event.data)
            tell = _TELL.get(told.type)
            if tell is not None:
                pieces += tell(self, told)
        return pieces

    def _begun(self, event: _Event) -> list[Piece]:
        self._chunks = ChunkWriter(event.id, self._model)
        return [self._chunks.begun()]

    def _said(self, event: _Event) -> list[Piece]:
        content = event.delta.message.content
        if not isinstance(content, _Content):
            return []
        if content.thinking:
            return [self._chunks.thought(content.thinking)]
        return [self._chunks.text(content.text)] if content.text else []

    def _planned(self, event: _Event) -> list[Piece]:
        plan = event.delta.message.tool_plan
        return [self._chunks.thought(plan)] if plan else []

    def _called(self, event: _Event) -> list[Piece]:
        call = event.delta.message.tool_calls
        if not isinstance(call, _Call):
            return []
        self._call += 1
        return [self._chunks.call(self._call, call.id, call.function.name, call.function.arguments)]

    def _argued(self, event: _Event) -> list[Piece]:
        call = event.delta.message.tool_calls
        if not isinstance(call, _Call) or not call.function.arguments:
            return []
        return [self._chunks.arguments(self._call, call.function.arguments)]

    def _ended(self, event: _Event) -> list[Piece]:
        held_to_its_end(event.delta.finish_reason)
        self._is_done = True
        usage = usage_of(event.delta.usage)
        ended = self._chunks.ended(FINISHES.get(event.delta.finish_reason, "stop"))
        return [ended] if usage is None else [ended, self._chunks.used(usage)]


_TELL = {
    "message-start": CohereReader._begun,
    "content-start": CohereReader._said,
    "content-delta": CohereReader._said,
    "tool-plan-delta": CohereReader._planned,
    "tool-call-start": CohereReader._called,
    "tool-call-delta": CohereReader._argued,
    "message-end": CohereReader._ended,
}
"""What each type of event makes; others (ends of parts, citations) make nothing."""
