"""One request on its way, and what becomes of its answer: whole, or piece by piece.

An exchange waits, dials (a connection is being made for it), is sent, and is answered. `due_ns` is when its present
phase has taken too long; the pool's sweep holds the clock against it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from headworks.errors import (
    DeadlineExceeded,
    HeadworksError,
    ProviderBusy,
    ProviderTimeout,
    ProviderUnreachable,
)
from headworks.pending import Pending
from headworks.targets.providers.http.body import Inflated, inflater_of
from headworks.targets.providers.http.head import Head
from headworks.targets.providers.http.settings import ClientSettings, Timeouts
from headworks.targets.providers.wire import HttpResponse
from headworks.units import SECOND_NS


class Phase(Enum):
    """Where an exchange stands."""

    WAITING = 0
    DIALING = 1
    SENT = 2
    ANSWERED = 3
    """The head is here, the body is not yet whole."""
    DONE = 4


WAITING, DIALING, SENT, ANSWERED, DONE = Phase

_OVERDUE: dict[Phase, tuple[type[HeadworksError], str]] = {
    WAITING: (ProviderBusy, "no connection to the provider became free in time"),
    DIALING: (ProviderUnreachable, "no connection came about in time"),
    SENT: (ProviderTimeout, "no byte of the answer came in time"),
    ANSWERED: (ProviderTimeout, "the answer stopped coming, or took too long in all"),
}
_CODED = frozenset({"content-encoding", "content-length"})


class Line(Protocol):
    """What carries an exchange: the pool while it waits, then a connection."""

    def drop(self, exchange: Exchange) -> None:
        """Forget it; a connection that carried it is closed."""

    def leave(self, exchange: Exchange) -> None:
        """The same for one that was given up here: the origin is not to blame, so another connection may stand ready."""

    def hold(self) -> None:
        """Read no more for now."""

    def go_on(self) -> None:
        """Read on."""


class Exchange:
    """What a whole and a streamed answer share."""

    __slots__ = (
        "_inflater", "data", "deadline_ns", "due_ns", "end_ns", "is_bodiless", "line", "most_bytes", "on_sent", "phase", "settings",
        "timeouts", "unsent_bytes",
    )  # fmt: skip

    line: Line
    most_bytes: int

    def __init__(
        self, data: bytes, settings: ClientSettings, timeouts: Timeouts, now_ns: int, deadline_ns: int
    ) -> None:
        self.data = data
        self.is_bodiless = data.startswith(b"HEAD ")
        self.settings = settings
        self.timeouts = timeouts
        self.deadline_ns = deadline_ns
        self.end_ns: float = min(deadline_ns, now_ns + timeouts.total_s * SECOND_NS)
        self.due_ns = self.end_ns
        self.unsent_bytes = 0
        self.phase = WAITING
        self.on_sent: Callable[[], None] | None = None
        """Told just before the first byte of it may leave."""
        self._inflater: Inflated | None = None

    def allow(self, phase: Phase, from_ns: int, seconds: float) -> None:
        """Enter a phase, or go on in it, for so long at most."""
        self.phase = phase
        due_ns = from_ns + seconds * SECOND_NS
        self.due_ns = due_ns if due_ns < self.end_ns else self.end_ns  # noqa: FURB136  # a comparison is cheaper

    def overdue(self, now_ns: int) -> HeadworksError:
        """Why it fails now that its time is over."""
        if now_ns >= self.deadline_ns:
            return DeadlineExceeded(reason="the call's deadline passed while the provider was asked")
        kind, reason = _OVERDUE[self.phase]
        return kind(reason=reason)

    def abandon(self) -> None:
        """Nobody waits any more: a connection that carries it is closed."""
        if self.phase is not DONE:
            self.phase = DONE
            self.line.leave(self)

    def fail(self, error: HeadworksError) -> None:
        """End it; without effect once it has ended."""
        if self.phase is not DONE:
            self.phase = DONE
            self.line.drop(self)
            self._failed(error)

    def begin(self, head: Head) -> None:
        """The head has come.

        Raises: ProviderBroken, for a body that cannot be read.
        """
        raise NotImplementedError

    def take(self, piece: bytes) -> None:
        """A piece of the body has come.

        Raises: ProviderBroken.
        """
        raise NotImplementedError

    def finish(self) -> None:
        """The message has ended, exactly; no connection carries it any more.

        Raises: ProviderBroken, when its coding has not ended.
        """
        raise NotImplementedError

    def _failed(self, error: HeadworksError) -> None:
        raise NotImplementedError

    def _decoded(self, head: Head, most_bytes: int) -> dict[str, str]:
        """The fields as they are true of the body that is given on."""
        headers = head.headers
        if head.length == 0 or "content-encoding" not in headers:
            return headers
        self._inflater = inflater_of(headers, most_bytes)
        if self._inflater is None:
            return headers
        return {name: value for name, value in headers.items() if name not in _CODED}


class Whole(Exchange):
    """An answer that is given when it is complete."""

    __slots__ = ("_headers", "_pieces", "_status", "pending")

    def __init__(
        self, data: bytes, settings: ClientSettings, timeouts: Timeouts, now_ns: int, deadline_ns: int
    ) -> None:
        Exchange.__init__(self, data, settings, timeouts, now_ns, deadline_ns)  # `super` would be an object a call
        self.most_bytes = settings.max_body_bytes
        self.pending: Pending[HttpResponse] = Pending()
        self.pending.on_abandon = self.abandon
        self._status = 0
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []

    def begin(self, head: Head) -> None:
        """Keep the head."""
        self._status = head.status
        headers = head.headers
        is_coded = "content-encoding" in headers
        self._headers = self._decoded(head, self.settings.max_unpacked_bytes) if is_coded else headers

    def take(self, piece: bytes) -> None:
        """Keep the piece."""
        self._pieces.append(piece if self._inflater is None else self._inflater.take(piece))

    def finish(self) -> None:
        """Give the answer."""
        if self._inflater is not None:
            self._inflater.finish()
        self.phase = DONE
        self.pending.on_abandon = None  # else the two would hold each other
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.pending.resolve(HttpResponse(self._status, self._headers, body))

    def _failed(self, error: HeadworksError) -> None:
        self._pieces = []
        self.pending.on_abandon = None
        self.pending.fail(error)


class Streamed(Exchange):
    """An answer that is given as it comes, no faster than it is taken."""

    __slots__ = ("_buffered_bytes", "_error", "_is_held", "_pieces", "_reader", "pending")

    def __init__(
        self, data: bytes, settings: ClientSettings, timeouts: Timeouts, now_ns: int, deadline_ns: int
    ) -> None:
        super().__init__(data, settings, timeouts, now_ns, deadline_ns)
        self.most_bytes = settings.max_stream_bytes
        self.pending: Pending[ResponseStream] = Pending()
        self.pending.on_abandon = self.abandon
        self._pieces: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._is_held = False
        self._reader: Pending[bytes | None] | None = None
        self._error: HeadworksError | None = None

    def begin(self, head: Head) -> None:
        """Give the stream."""
        headers = self._decoded(head, self.settings.max_stream_bytes)
        self.pending.on_abandon = None
        self.pending.resolve(ResponseStream(head.status, headers, self))

    def take(self, piece: bytes) -> None:
        """Give the piece to who waits for it, else keep it."""
        if self._inflater is not None:
            piece = self._inflater.take(piece)
        if not piece:
            return
        reader = self._reader
        if reader is not None:
            self._reader = None
            reader.resolve(piece)
            return
        self._pieces.append(piece)
        self._buffered_bytes += len(piece)
        if self._buffered_bytes > self.settings.stream_buffer_bytes and not self._is_held:
            self._is_held = True
            self.due_ns = self.end_ns  # the consumer is late, not the provider
            self.line.hold()

    def finish(self) -> None:
        """Say that nothing follows."""
        if self._inflater is not None:
            self._inflater.finish()
        self.phase = DONE
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.resolve(None)

    def next(self) -> Pending[bytes | None]:
        """See ResponseStream."""
        pending: Pending[bytes | None] = Pending()
        if self._pieces:
            piece = self._pieces.popleft()
            self._buffered_bytes -= len(piece)
            if self._is_held and 2 * self._buffered_bytes <= self.settings.stream_buffer_bytes:
                self._is_held = False
                if self.phase is not DONE:
                    self.line.go_on()
            pending.resolve(piece)
        elif self._error is not None:
            pending.fail(self._error)
        elif self.phase is DONE:
            pending.resolve(None)
        else:
            self._reader = pending
            pending.on_abandon = self.abandon
        return pending

    def cancel(self) -> None:
        """See ResponseStream."""
        self._pieces.clear()
        self._buffered_bytes = 0
        self._reader = None
        self.abandon()

    def _failed(self, error: HeadworksError) -> None:
        self._error = error
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.fail(error)
        self.pending.fail(error)


class ResponseStream:
    """An answer whose head is here and whose body comes in pieces; one consumer.

    Who gets it reads it to its end or cancels it: until then it holds a connection, at most for the attempt's total time.
    """

    __slots__ = ("_exchange", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], exchange: Streamed) -> None:
        self.status = status
        self.headers = headers
        self._exchange = exchange

    def next(self) -> Pending[bytes | None]:
        """What has come since, as it came off the socket, its coding undone; None at the exact end of the message.

        Abandoning it cancels the stream. What had come before a failure is given before the failure.
        Raises: ProviderBroken, ProviderDown, ProviderTimeout, DeadlineExceeded.
        """
        return self._exchange.next()

    def cancel(self) -> None:
        """Take no more; the connection is closed unless the message had ended already. Again is without effect."""
        self._exchange.cancel()
