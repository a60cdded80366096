"""The streamed answer of Anthropic's messages as chunks of a chat."""

from __future__ import annotations

from typing import Protocol

import msgspec
from msgspec import Raw, Struct

from headworks.errors import ProviderBroken
from headworks.targets.providers.anthropic.answering import (
    Block,
    Error,
    Message,
    finish_of,
    refused_inside,
    usage_of,
)
from headworks.targets.providers.anthropic.facts import ANSWER_TOOL, FINISHES
from headworks.targets.providers.chat_out import ChunkWriter
from headworks.targets.providers.sse import EventReader
from headworks.targets.providers.understand import NULL, UNKNOWN
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Piece


class _Delta(Struct, frozen=True):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(Struct, frozen=True):
    type: str
    index: int = 0
    message: Message = Message()
    content_block: Block = Block("")
    delta: _Delta = _Delta()
    usage: Raw = NULL
    error: Error | None = None


class _Call(Struct):
    """A tool call under way: its number in the answer (-1 for the answering tool), and whether arguments came."""

    number: int
    has_arguments: bool = False


_event = msgspec.json.Decoder(_Event)


class MessageEvents:
    """Events, each one JSON document that says its own type, to chunks; the framing is left to who reads it."""

    __slots__ = ("_calls", "_chunks", "_is_json", "_model", "_number", "_usage", "is_done")

    def __init__(self, model: str, is_json: bool) -> None:
        self._model = model
        self._is_json = is_json
        self._chunks = ChunkWriter("", model)
        self._calls: dict[int, _Call] = {}
        self._number = 0
        self._usage = UNKNOWN
        self.is_done = False

    def told(self, document: bytes) -> list[Piece]:
        """The chunks that one event makes; most kinds make one or none.

        Raises: what an error event means; ProviderBroken.
        """
        event = decoded(_event, document)
        tell = _TELL.get(event.type)
        return tell(self, event) if tell is not None else []

    def _begun(self, event: _Event) -> list[Piece]:
        self._usage = usage_of(event.message.usage)
        self._chunks = ChunkWriter(event.message.id, event.message.model or self._model)
        return [self._chunks.begun(self._usage)]

    def _block(self, event: _Event) -> list[Piece]:
        block = event.content_block
        if block.type == "text" and block.text:
            return [self._chunks.text(block.text)]
        if block.type != "tool_use":
            return []
        if self._is_json and block.name == ANSWER_TOOL:
            self._calls[event.index] = _Call(-1)
            return []
        self._calls[event.index] = call = _Call(self._number)
        self._number += 1
        return [self._chunks.call(call.number, block.id, block.name)]

    def _more(self, event: _Event) -> list[Piece]:
        delta, call = event.delta, self._calls.get(event.index)
        if delta.text:
            return [self._chunks.text(delta.text)]
        if delta.thinking:
            return [self._chunks.thought(delta.thinking)]
        if not delta.partial_json or call is None:
            return []
        call.has_arguments = True
        return [self._arguments(call, delta.partial_json)]

    def _closed(self, event: _Event) -> list[Piece]:
        call = self._calls.get(event.index)
        return [self._arguments(call, "{}")] if call is not None and not call.has_arguments else []

    def _arguments(self, call: _Call, text: str) -> Piece:
        return self._chunks.text(text) if call.number < 0 else self._chunks.arguments(call.number, text)

    def _ended(self, event: _Event) -> list[Piece]:
        self._usage = usage_of(event.usage, self._usage)
        finish = FINISHES.get(event.delta.stop_reason or "", "stop")
        ended = self._chunks.ended(finish_of(finish, self._number > 0), self._usage, event.delta.stop_sequence)
        return [ended]

    def _stopped(self, event: _Event) -> list[Piece]:
        self.is_done = True
        return [self._chunks.used(self._usage)]

    def _failed(self, event: _Event) -> list[Piece]:
        raise refused_inside(event.error)


_TELL = {
    "message_start": MessageEvents._begun,
    "content_block_start": MessageEvents._block,
    "content_block_delta": MessageEvents._more,
    "content_block_stop": MessageEvents._closed,
    "message_delta": MessageEvents._ended,
    "message_stop": MessageEvents._stopped,
    "error": MessageEvents._failed,
}
"""What each type of event makes; others (`ping`, and those to come) make nothing."""


class Telling(Protocol):
    """What makes pieces of Anthropic's events, whatever framed them."""

    @property
    def is_done(self) -> bool:
        """Whether `message_stop` came."""

    def told(self, document: bytes) -> list[Piece]:
        """The pieces that one event makes.

        Raises: what an error event means; ProviderBroken.
        """


class MessageReader:
    """Server-sent events to pieces; reads to `message_stop`, without which the answer is not whole."""

    __slots__ = ("_events", "_messages")

    def __init__(self, messages: Telling) -> None:
        self._events = EventReader()
        self._messages = messages

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that these bytes complete.

        Raises: what an error event means; ProviderBroken.
        """
        return [piece for event in self._events.feed(data) for piece in self._messages.told(event.data)]

    def finish(self) -> list[Piece]:
        """What was left.

        Raises: ProviderBroken when `message_stop` never came.
        """
        pieces = [piece for event in self._events.finish() for piece in self._messages.told(event.data)]
        if not self._messages.is_done:
            raise ProviderBroken(reason="the stream ended without message_stop")
        return pieces
