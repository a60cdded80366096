"""What Bedrock's Converse answers, whole and in events, as chats. Source: service model bedrock-runtime 2023-09-30."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct, field

from headworks.errors import ProviderBroken
from headworks.targets.providers.aws.converse_facts import FINISHES, MALFORMED
from headworks.targets.providers.aws.eventstream import Event
from headworks.targets.providers.chat_out import ChunkWriter, Said, answered
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Piece
from headworks.values import Usage


class Spent(Struct, frozen=True, rename="camel"):
    """Tokens; what was read from or written to the cache is not part of `inputTokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None

    def usage(self) -> Usage:
        """The same in our words."""
        read, written = self.cache_read_input_tokens, self.cache_write_input_tokens
        return Usage(self.input_tokens + (read or 0) + (written or 0), self.output_tokens, read)


class _ToolUse(Struct, frozen=True, rename="camel"):
    tool_use_id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")


class _ReasoningText(Struct, frozen=True):
    text: str = ""


class _Reasoning(Struct, frozen=True):
    whole: _ReasoningText = field(default=_ReasoningText(), name="reasoningText")
    text: str = ""


class _Block(Struct, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None


class _Message(Struct, frozen=True):
    content: list[_Block] = []


class _Output(Struct, frozen=True):
    message: _Message


class _Whole(Struct, frozen=True, rename="camel"):
    output: _Output
    stop_reason: str
    usage: Spent


class _Told(Struct, frozen=True, rename="camel"):
    """The fields that some kind of event has."""

    content_block_index: int = 0
    start: _Block = _Block()
    delta: _Block = _Block()
    stop_reason: str = ""
    usage: Spent | None = None


_WHOLE = msgspec.json.Decoder(_Whole)
_TOLD = msgspec.json.Decoder(_Told)
_text: Any = msgspec.json.Decoder(str).decode


def answer_of(body: bytes, identity: str, model: str) -> Answer:
    """The whole answer in the task's shape.

    Raises: ProviderBroken.
    """
    told = decoded(_WHOLE, body)
    said = Said(finish=finish_of(told.stop_reason))
    for block in told.output.message.content:
        if block.text is not None:
            said.texts.append(block.text)
        if block.reasoning_content is not None and block.reasoning_content.whole.text:
            said.thoughts.append(block.reasoning_content.whole.text)
        if block.tool_use is not None:
            said.call(block.tool_use.name, bytes(block.tool_use.input), block.tool_use.tool_use_id)
    return answered(said, identity, model, told.usage.usage())


def finish_of(reason: str) -> str:
    """Why an answer ended.

    Raises: ProviderBroken when it ended in what nobody can use.
    """
    if reason in MALFORMED:
        raise ProviderBroken(reason=f"converse: {reason}")
    return FINISHES.get(reason, "stop")


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
        if told.usage is None:
            raise ProviderBroken(reason="converse: the end tells no usage")
        self.is_done = True
        return [self._chunks.used(told.usage.usage())]


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
