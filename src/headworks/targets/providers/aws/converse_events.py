"""What Bedrock's Converse answers in events, as chunks of a chat. Source: service model bedrock-runtime 2023-09-30."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from headworks.errors import ProviderBroken
from headworks.targets.providers.aws.converse_answering import Block, finish_of, usage_of
from headworks.targets.providers.aws.eventstream import Event
from headworks.targets.providers.chat_out import ChunkWriter
from headworks.targets.providers.understand import NULL
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Piece


class _Told(Struct, frozen=True, rename="camel"):
    """The fields that some kind of event has."""

    content_block_index: int = 0
    start: Block = Block()
    delta: Block = Block()
    stop_reason: str = ""
    usage: Raw = NULL


_TOLD = msgspec.json.Decoder(_Told)
_text: Any = msgspec.json.Decoder(str).decode


class ConverseEvents:
    """Events of one streamed answer to chunks of a chat; the last of them tells usage."""

    __slots__ = ("_calls", "_chunks", "is_done")

    def __init__(self, model: str) -> None:
        self._chunks = ChunkWriter("", model)
        self._calls: dict[int, int] = {}
        self.is_done = False

    def told(self, event: Event) -> list[Piece]:
        """The chunks one event makes; kinds that are not known make none.

        Raises: ProviderBroken.
        """
        tell = _TELL.get(event.name)
        return tell(self, decoded(_TOLD, event.payload)) if tell is not None else []

    def _begun(self, told: _Told) -> list[Piece]:
        return [self._chunks.begun()]

    def _block(self, told: _Told) -> list[Piece]:
        use = told.start.tool_use
        if use is None:
            return []
        number = self._calls[told.content_block_index] = len(self._calls)
        return [self._chunks.call(number, use.tool_use_id, use.name)]

    def _more(self, told: _Told) -> list[Piece]:
        delta = told.delta
        if delta.text:
            return [self._chunks.text(delta.text)]
        if delta.reasoning_content is not None and delta.reasoning_content.text:
            return [self._chunks.thought(delta.reasoning_content.text)]
        if delta.tool_use is None or told.content_block_index not in self._calls:
            return []
        return [self._chunks.arguments(self._calls[told.content_block_index], _arguments(delta.tool_use.input))]

    def _ended(self, told: _Told) -> list[Piece]:
        return [self._chunks.ended(finish_of(told.stop_reason))]

    def _used(self, told: _Told) -> list[Piece]:
        self.is_done = True
        return [self._chunks.used(usage_of(told.usage))]


_TELL = {
    "messageStart": ConverseEvents._begun,
    "contentBlockStart": ConverseEvents._block,
    "contentBlockDelta": ConverseEvents._more,
    "messageStop": ConverseEvents._ended,
    "metadata": ConverseEvents._used,
}
"""What each kind of event makes; others (`contentBlockStop`, and those to come) make nothing."""


def _arguments(raw: Raw) -> str:
    """In a stream the arguments come as stretches of text.

    Raises: ProviderBroken.
    """
    try:
        text: str = _text(raw)
    except msgspec.MsgspecError:
        raise ProviderBroken(reason="converse: arguments that are no text") from None
    return text
