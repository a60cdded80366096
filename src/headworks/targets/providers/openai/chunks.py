"""The streamed answer of chat in OpenAI's dialect: chunks go on as they came, only what is billed and real is read."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from headworks.errors import ProviderBroken
from headworks.targets.providers.openai.document import NULL, Spent, refused_inside, usage_of
from headworks.targets.providers.openai.facts import FINISHES
from headworks.targets.providers.openai.mending import mended_chunk
from headworks.targets.providers.sse import EventReader, ServerEvent
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Piece

_NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})


class _Choice(Struct, frozen=True):
    index: int | UnsetType = UNSET
    delta: dict[str, Raw] | None = None
    finish_reason: str | None = None


class _Chunk(Struct, frozen=True):
    id: str | UnsetType = UNSET
    object: str | UnsetType = UNSET
    created: int | UnsetType = UNSET
    model: str | UnsetType = UNSET
    choices: list[_Choice] | None = None
    usage: Spent | None = None
    error: Raw = NULL


_chunk = msgspec.json.Decoder(_Chunk)


class ChunkReader:
    """Reads, chunk by chunk as `piece` says, to `[DONE]`, without which the answer is not whole.

    A chunk without choices passes where it tells usage; Azure's first, with what its filter thinks of the input, does not.
    """

    __slots__ = ("_events", "_is_done", "_model", "_piece")

    def __init__(self, model: str, piece: Callable[[ServerEvent, str], Piece | None]) -> None:
        self._events = EventReader()
        self._is_done = False
        self._model = model
        self._piece = piece

    def feed(self, data: bytes) -> list[Piece]:
        """The chunks that these bytes complete.

        Raises: what an error event means; ProviderBroken.
        """
        return self._pieces(self._events.feed(data))

    def finish(self) -> list[Piece]:
        """What was left.

        Raises: ProviderBroken when `[DONE]` never came.
        """
        pieces = self._pieces(self._events.finish())
        if not self._is_done:
            raise ProviderBroken(reason="the stream ended without [DONE]")
        return pieces

    def _pieces(self, events: list[ServerEvent]) -> list[Piece]:
        pieces = []
        for event in events:
            if self._is_done:
                break
            if event.data.startswith(b"[DONE]"):
                self._is_done = True
            elif piece := self._piece(event, self._model):
                pieces.append(piece)
        return pieces


_ENDS = frozenset({None, *FINISHES.values()})


def chat_piece(event: ServerEvent, model: str) -> Piece | None:
    """What one chunk of a chat says; None for a chunk that says nothing to a caller."""
    wire = decoded(_chunk, event.data)
    if bytes(wire.error) != b"null" or event.name == b"error":
        raise refused_inside(wire.error)
    usage = usage_of(wire.usage)
    if not wire.choices:
        return None if usage is None else Piece(_whole(event.data, wire, model), usage, model=wire.model or "")
    is_content = False
    for choice in wire.choices:
        is_content = is_content or _is_content(choice.delta)
    return Piece(_whole(event.data, wire, model), usage, is_content, wire.model or "")


def _whole(data: bytes, wire: _Chunk, model: str) -> bytes:
    """The chunk as it came, or mended where something is missing that the contract requires."""
    is_whole = UNSET not in (wire.id, wire.object, wire.created, wire.model)
    for choice in wire.choices or ():
        is_whole = is_whole and choice.index is not UNSET and choice.finish_reason in _ENDS
    return data if is_whole else mended_chunk(data, model)


def _is_content(delta: dict[str, Raw] | None) -> bool:
    """Whether anything but the role came."""
    if not delta:
        return False
    return any(name != "role" and bytes(value) not in _NOTHING for name, value in delta.items())
