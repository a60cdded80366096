"""The streamed answer of chat in OpenAI's dialect: chunks go on as they came, only what is billed and real is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from headworks.contract.tasks.chat import Finish
from headworks.errors import ProviderBroken
from headworks.targets.providers.openai.document import NULL, Spent, loose_usage, refused_inside, usage_of
from headworks.targets.providers.openai.mending import mended_chunk
from headworks.targets.providers.sse import EventReader, ServerEvent
from headworks.targets.providers.understand import UNKNOWN
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Piece

_NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})


class _Choice(Struct, frozen=True, gc=False):
    index: int
    delta: dict[str, Raw]
    finish_reason: Finish | None = None


class _Chunk(Struct, frozen=True):
    """A chunk that follows the dialect; most do."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[_Choice]
    usage: Spent | None = None
    error: Raw = NULL


class _LooseChoice(Struct, frozen=True):
    index: int | None = None
    delta: dict[str, Raw] | None = None
    finish_reason: str | None = None


class _Loose(Struct, frozen=True):
    """A chunk in which things are missing, or an error."""

    model: str | None = None
    choices: list[_LooseChoice] | None = None
    usage: Raw = NULL
    error: Raw = NULL


_chunk = msgspec.json.Decoder(_Chunk).decode
_loose = msgspec.json.Decoder(_Loose)


class ChunkReader:
    """Reads, chunk by chunk as `piece` says, to `[DONE]`, without which the answer is not whole; nor is it unless a chunk says why it ends.

    A chunk without choices passes where it tells usage; Azure's first, with what its filter thinks of the input, does not.
    """

    __slots__ = ("_events", "_has_end", "_is_done", "_model", "_piece")

    def __init__(self, model: str, piece: Callable[[ServerEvent, str], Piece | None]) -> None:
        self._events = EventReader()
        self._has_end = self._is_done = False
        self._model = model
        self._piece = piece

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete.

        Raises: what an error event means; ProviderBroken.
        """
        return self._pieces(self._events.feed(data))

    def finish(self) -> list[Piece]:
        """What was left.

        Raises: ProviderBroken when `[DONE]` never came, or no chunk that says why the answer ends.
        """
        pieces = self._pieces(self._events.finish())
        if not self._is_done:
            raise ProviderBroken(reason="the stream ended without [DONE]")
        if not self._has_end:
            raise ProviderBroken(reason="the stream is done, but no chunk said why the answer ends")
        return pieces

    def _pieces(self, events: list[ServerEvent]) -> list[Piece]:
        pieces = []
        for event in events:
            if self._is_done:
                break
            if event.data.startswith(b"[DONE]"):
                self._is_done = True
                continue
            piece = self._piece(event, self._model)
            if piece is not None:
                pieces.append(piece)
                if piece.is_end:
                    self._has_end = True
        return pieces


def chat_piece(event: ServerEvent, model: str) -> Piece | None:
    """What one chunk of a chat says; None for a chunk that says nothing to a caller."""
    data = event.data
    try:
        wire = _chunk(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _mended_piece(event, model)
    if event.name == b"error" or (wire.error is not NULL and bytes(wire.error) != b"null"):
        raise refused_inside(wire.error)
    if not wire.choices and wire.usage is None:
        return None
    is_content = is_end = False
    for choice in wire.choices:
        is_content = is_content or _is_content(choice.delta)
        is_end = is_end or choice.finish_reason is not None
    return Piece(data, None if wire.usage is None else usage_of(wire.usage), is_content, wire.model, is_end)


def _mended_piece(event: ServerEvent, model: str) -> Piece | None:
    """The same of a chunk that is loose with the dialect, or is an error."""
    wire = decoded(_loose, event.data)
    if bytes(wire.error) != b"null" or event.name == b"error":
        raise refused_inside(wire.error)
    usage = loose_usage(wire.usage)
    if not wire.choices and usage in (None, UNKNOWN):
        return None if usage is None else Piece(b"", usage, model=wire.model or model)
    is_content = any(_is_content(choice.delta) for choice in wire.choices or ())
    is_end = any(choice.finish_reason for choice in wire.choices or ())
    return Piece(mended_chunk(event.data, model), usage, is_content, wire.model or model, is_end)


def _is_content(delta: dict[str, Raw] | None) -> bool:
    """Whether anything but the role came."""
    for name, value in (delta or {}).items():  # noqa: SIM110  # a generator costs 0.3 us a chunk more
        if name != "role" and bytes(value) not in _NOTHING:
            return True
    return False
