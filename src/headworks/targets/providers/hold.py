"""A provider's streamed answer: held back until there is real content, then handed on event by event.

While it is held, a failure is an ordinary error and another target can still answer. Once it is let go, no other provider
is ever asked: what fails then ends the stream with its error, never silently.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from headworks.costs import Usage
from headworks.errors import DeadlineExceeded, HeadworksError, ProviderBroken, ProviderTimeout
from headworks.pending import Pending
from headworks.targets.providers.understand import believed, understood
from headworks.targets.providers.waiting import Timer, Timers, done_within
from headworks.targets.providers.wire import Piece, Reader
from headworks.units import SECOND_NS, Clock

MOST_REFUSAL_BYTES = 64 * 1024


class Source(Protocol):
    """The response whose body is read as it comes."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The fields of its head, names in lower case."""

    def next(self) -> Pending[bytes | None]:
        """The next bytes; None after the last.

        Raises: ProviderDown, ProviderTimeout, ProviderBroken, through the pending result.
        """

    def cancel(self) -> None:
        """Close the connection; nothing more will come."""


class HoldPolicy(Struct, frozen=True):
    """How long and how much is held back, and how long the first content may take from the sending on."""

    most_pieces: int = 64
    most_bytes: int = 256 * 1024
    hold_s: float = 12.0
    first_content_s: float = 30.0


class Held(Struct, frozen=True):
    """What came of a stream before it was let go.

    Shapes: `under_way` is a read that had not ended when the time to hold was over.
    """

    pieces: list[Piece]
    is_over: bool = False
    has_content: bool = False
    under_way: Pending[bytes | None] | None = None


class Limits(Struct, frozen=True):
    """Until when: the caller's deadline, the end of holding, and the last moment for the first content."""

    deadline_ns: int
    hold_ns: int
    content_ns: int


def limits_of(policy: HoldPolicy, sent_ns: int, deadline_ns: int) -> Limits:
    """The limits of a stream that was asked for at `sent_ns`."""
    return Limits(
        deadline_ns, sent_ns + int(policy.hold_s * SECOND_NS), sent_ns + int(policy.first_content_s * SECOND_NS)
    )


async def held_back(
    source: Source, reader: Reader, policy: HoldPolicy, limits: Limits, timers: Timers, clock: Clock
) -> Held:
    """What came until the first content, the stream's end, the bound on what is held, or the time to hold.

    Raises: what the provider reported; ProviderTimeout, DeadlineExceeded. The source is then not yet cancelled.
    """
    pieces: list[Piece] = []
    held_bytes = 0
    while True:
        read = source.next()
        until_ns = min(limits.deadline_ns, limits.hold_ns, limits.content_ns)
        if not read.is_done and not await done_within(read, timers, until_ns - clock.monotonic_ns()):
            if until_ns == limits.deadline_ns:
                read.abandon()
                raise DeadlineExceeded
            if until_ns == limits.content_ns:
                read.abandon()
                raise ProviderTimeout(reason="no content within the time to the first token")
            return Held(pieces, under_way=read)
        data = read.result()
        came = understood(reader.finish) if data is None else understood(reader.feed, data)
        pieces += came
        held_bytes += sum(len(piece.document) for piece in came)
        has_content = any(piece.is_content for piece in came)
        is_full = len(pieces) >= policy.most_pieces or held_bytes >= policy.most_bytes
        if data is None or has_content or is_full:
            return Held(pieces, is_over=data is None, has_content=has_content)


Ended = Callable[[HeadworksError | None, Usage | None], int | None]
"""Told once how a stream ended: its error, and what was used. Gives what that cost, None if unknown."""


class Upstream(Struct, frozen=True):
    """A stream that was let go: where its bytes come from, what reads them, and who is told of its end."""

    source: Source
    reader: Reader
    held: Held
    limits: Limits
    ended: Ended


class ProviderStream:
    """Events of a provider's answer, pulled one at a time; implements values.Stream.

    The next bytes are read when an event is asked for, so a slow caller slows the provider.

    Cost: no coroutine; one Pending and one callback an event.
    Safe under: one thread.
    """

    __slots__ = (
        "_clock", "_cost_micros", "_error", "_events", "_has_content", "_is_over", "_read", "_timer",
        "_timers", "_up", "_usage", "_waiting", "model",
    )  # fmt: skip

    def __init__(self, up: Upstream, timers: Timers, clock: Clock) -> None:
        self.model = ""
        """What the provider said it answers with; empty until it did."""
        self._up = up
        self._timers = timers
        self._clock = clock
        self._events: deque[bytes] = deque()
        self._usage: Usage | None = None
        self._cost_micros: int | None = None
        self._error: HeadworksError | None = None
        self._read = up.held.under_way
        self._waiting: Pending[bytes | None] | None = None
        self._timer: Timer | None = None
        self._has_content = self._is_over = False
        self._note(up.held.pieces)
        if up.held.is_over:
            self._end(None, is_whole=True)

    def next(self) -> Pending[bytes | None]:
        """The next event; None after the last."""
        pending: Pending[bytes | None] = Pending()
        self._waiting = pending
        pending.on_abandon = self._forget
        self._give()
        self._pull()
        return pending

    def cancel(self) -> None:
        """Nobody wants more of it: the connection is closed."""
        self._events.clear()
        self._waiting = None
        if not self._is_over:
            self._up.source.cancel()
            self._end(None)

    def billed(self) -> tuple[Usage | None, int | None]:
        """What was used so far, and what it cost."""
        return self._usage, self._cost_micros

    def _forget(self) -> None:
        self._waiting = None

    def _pull(self) -> None:
        """Read until an event is there for whoever waits, or until more has yet to come."""
        while not self._is_over and self._waiting is not None:
            read = self._read if self._read is not None else self._up.source.next()
            if not read.is_done:
                self._read = read
                read.when_done(self._pull)
                self._watch_for_content()
                return
            self._read = None
            self._understand(read)
            self._give()

    def _understand(self, read: Pending[bytes | None]) -> None:
        reader = self._up.reader
        try:
            data = read.result()
            pieces = understood(reader.finish) if data is None else understood(reader.feed, data)
        except HeadworksError as error:
            self._up.source.cancel()
            self._end(error)
            return
        self._note(pieces)
        if data is None:
            self._end(None, is_whole=True)

    def _note(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if piece.usage is not None:
                self._usage = believed(piece.usage)
            if piece.model:
                self.model = piece.model
            if piece.is_content and not self._has_content:
                self._has_content = True
                self._stop_watching()
            if piece.document:
                self._events.append(piece.document)

    def _give(self) -> None:
        waiting = self._waiting
        if waiting is None:
            return
        if self._events:
            self._waiting = None
            waiting.resolve(self._events.popleft())
        elif self._is_over:
            self._waiting = None
            if self._error is None:
                waiting.resolve(None)
            else:
                waiting.fail(self._error)

    def _end(self, error: HeadworksError | None, *, is_whole: bool = False) -> None:
        """What a stream told of its use before it ended is not what it is billed for: then nobody knows."""
        if self._is_over:
            return
        self._is_over = True
        self._error = error
        self._stop_watching()
        self._cost_micros = self._up.ended(error, self._usage if is_whole else None)

    def _watch_for_content(self) -> None:
        """A stream that was let go without content has only so long to bring some."""
        if self._has_content or self._timer is not None:
            return
        left_ns = max(0, self._up.limits.content_ns - self._clock.monotonic_ns())
        self._timer = self._timers.call_later(left_ns / SECOND_NS, self._too_late)

    def _too_late(self) -> None:
        self._timer = None
        self._up.source.cancel()
        self._end(ProviderTimeout(reason="no content within the time to the first token"))
        self._give()

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def whole_body(source: Source, deadline_ns: int, timers: Timers, clock: Clock) -> bytes:
    """The body of a streamed response that turned out to be a refusal.

    Raises: what reading it raises; ProviderBroken when it is longer than any refusal; DeadlineExceeded.
    """
    parts: list[bytes] = []
    size_bytes = 0
    while True:
        read = source.next()
        if not read.is_done and not await done_within(read, timers, deadline_ns - clock.monotonic_ns()):
            read.abandon()
            raise DeadlineExceeded
        data = read.result()
        if data is None:
            return b"".join(parts)
        parts.append(data)
        size_bytes += len(data)
        if size_bytes > MOST_REFUSAL_BYTES:
            raise ProviderBroken(reason="a refusal longer than any")
