"""Streams whose events stand in AWS's binary frames: events to who understands them, exceptions to errors, no end unseen."""

from __future__ import annotations

from typing import Protocol

from headworks.errors import ProviderBroken
from headworks.targets.providers.aws.eventstream import Event, EventDecoder
from headworks.targets.providers.aws.refusals import message_of, named
from headworks.targets.providers.wire import Piece


class Understanding(Protocol):
    """What makes pieces of an operation's events."""

    @property
    def is_done(self) -> bool:
        """Whether the operation's own end was seen."""

    def told(self, event: Event) -> list[Piece]:
        """The pieces one event makes.

        Raises: ProviderBroken.
        """


class FramedReader:
    """Reads one streamed response."""

    __slots__ = ("_decoder", "_understanding")

    def __init__(self, understanding: Understanding) -> None:
        self._decoder = EventDecoder()
        self._understanding = understanding

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces these bytes complete.

        Raises: what an exception in the stream means; ProviderBroken.
        """
        return [piece for event in self._decoder.feed(data) for piece in self._pieces(event)]

    def finish(self) -> list[Piece]:
        """Nothing more.

        Raises: ProviderBroken when a message is cut off or the end of the operation never came.
        """
        if not self._decoder.is_between or not self._understanding.is_done:
            raise ProviderBroken(reason="the stream ended before its end was told")
        return []

    def _pieces(self, event: Event) -> list[Piece]:
        if event.kind == "event":
            return self._understanding.told(event)
        name = event.name[:1].upper() + event.name[1:]
        raise named(name, event.message or message_of(event.payload))
