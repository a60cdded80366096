"""One call on its way through a pool, and what becomes of a streamed one."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from headworks.costs import Usage
from headworks.errors import ClientGone, ContractViolation
from headworks.pending import Pending
from headworks.targets.models.messages import FIRST_CREDIT
from headworks.values import Call, Outcome, Payload

EVENT_STREAM = "text/event-stream"
GRANT_EVENTS = FIRST_CREDIT // 2
MOST_COLLECTED_BYTES = 64 * 2**20


class Keeper(Protocol):
    """Whoever holds a ticket when its caller stops waiting."""

    def give_up(self, ticket: Ticket) -> None:
        """Nobody waits for this call any more."""


class Flight:
    """One batch sent to a worker, `keeper`, and not yet wholly answered; its ids run up to `last_id`.

    Units: `begun_ns` is 0 while the worker is still at an earlier batch.
    """

    __slots__ = ("begun_ns", "is_cancelled", "keeper", "last_id", "left", "sent_ns")

    def __init__(self, keeper: Keeper, last_id: int, calls: int, begun_ns: int, sent_ns: int) -> None:
        self.keeper = keeper
        self.last_id = last_id
        self.left = calls
        self.begun_ns = begun_ns
        self.sent_ns = sent_ns
        self.is_cancelled = False


class Ticket(Pending[Outcome]):
    """A call while it waits and runs; its caller holds it as the pending outcome.

    `call_id` is 0 until it is sent, and new each time it is sent: an answer to an earlier sending finds nobody.
    """

    __slots__ = (
        "call_id",
        "caller_id",
        "deadline_ns",
        "flight",
        "is_queued",
        "keeper",
        "payload",
        "queued_ns",
        "rows",
        "sent_ns",
        "size_bytes",
        "stream",
        "tries",
        "wants_events",
    )

    def __init__(self, call: Call, caller_id: str, deadline_ns: int, now_ns: int, keeper: Keeper) -> None:
        super().__init__()
        payload = call.payload
        self.payload: Payload = payload
        self.caller_id = caller_id
        self.deadline_ns = deadline_ns
        self.keeper = keeper
        self.queued_ns = now_ns
        self.sent_ns = 0
        self.rows = payload.rows
        size_bytes = len(payload.document)
        for _, blob in payload.blobs:
            size_bytes += len(blob)
        self.size_bytes = size_bytes
        self.is_queued = False
        self.call_id = 0
        self.tries = 0
        self.flight: Flight | None = None
        self.stream: EventStream | Collected | None = None
        self.wants_events = call.reply_media == EVENT_STREAM

    def abandon(self) -> None:
        """The caller stopped waiting: leave the queue, or have the result dropped."""
        super().abandon()
        if not self.is_done:
            self.keeper.give_up(self)
            self.fail(ClientGone())


class Recalled:
    """Stands in a worker's books for a call taken back from it, which runs elsewhere under a new id."""

    __slots__ = ("call_id", "flight", "rows", "stream")

    is_done = True

    def __init__(self, ticket: Ticket) -> None:
        self.call_id = ticket.call_id
        self.rows = ticket.rows
        self.flight = ticket.flight
        self.stream: EventStream | Collected | None = None


class Source(Protocol):
    """The worker's side of a stream."""

    def grant(self, call_id: int, events: int) -> None:
        """Let so many more events come."""

    def cancel(self, call_ids: list[int]) -> None:
        """Stop it."""


class EventStream:
    """Events of one running call, pulled one at a time; implements values.Stream.

    The outcome is given with the first event, so that what fails before it is an ordinary error. At most
    `FIRST_CREDIT` events wait here; the worker is let on as they are taken.
    """

    __slots__ = ("_answered_by", "_call_id", "_error", "_events", "_is_over", "_owed", "_source", "_ticket", "_waiting")

    def __init__(self, ticket: Ticket, source: Source, answered_by: tuple[str, str]) -> None:
        self._ticket: Ticket | None = ticket
        self._source = source
        self._call_id = ticket.call_id
        self._answered_by = answered_by
        self._events: deque[bytes] = deque()
        self._waiting: Pending[bytes | None] | None = None
        self._error: BaseException | None = None
        self._is_over = False
        self._owed = FIRST_CREDIT

    @property
    def is_owed(self) -> bool:
        """Whether it is the worker's turn."""
        return self._owed > 0

    def push(self, event: bytes) -> None:
        """An event came from the worker."""
        if self._is_over:
            return
        self._owed -= 1
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            waiting.resolve(event)
            self._let_on()
            return
        self._events.append(event)
        self._give()

    def finish(self, error: BaseException | None) -> None:
        """No more will come."""
        if self._is_over:
            return
        self._is_over = True
        self._error = error
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            _settle(waiting, error)
        elif error is not None and self._ticket is not None:
            self._ticket.fail(error)
            self._ticket = None
        else:
            self._give()

    def next(self) -> Pending[bytes | None]:
        """The next event; None after the last."""
        pending: Pending[bytes | None] = Pending()
        if self._events:
            pending.resolve(self._events.popleft())
            self._let_on()
        elif self._is_over:
            _settle(pending, self._error)
        else:
            self._waiting = pending
        return pending

    def cancel(self) -> None:
        """Stop the model's work for this call."""
        if not self._is_over:
            self._is_over = True
            self._source.cancel([self._call_id])
        self._events.clear()

    def billed(self) -> tuple[Usage | None, int | None]:
        """An own model bills nothing."""
        return None, None

    def _give(self) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            waited_ns = ticket.sent_ns - ticket.queued_ns
            ticket.resolve(Outcome(b"", *self._answered_by, waited_ns, stream=self, media=EVENT_STREAM))

    def _let_on(self) -> None:
        """Let the worker on when it may send no more than half of what may wait here."""
        room = FIRST_CREDIT - len(self._events) - self._owed
        if room >= GRANT_EVENTS and not self._is_over:
            self._owed += room
            self._source.grant(self._call_id, room)


class Collected:
    """The events of a call whose caller wants one JSON document: their array, given when the last has come."""

    __slots__ = ("_answered_by", "_call_id", "_events", "_size_bytes", "_source", "_ticket")

    is_owed = True

    def __init__(self, ticket: Ticket, source: Source, answered_by: tuple[str, str]) -> None:
        self._ticket = ticket
        self._source = source
        self._call_id = ticket.call_id
        self._answered_by = answered_by
        self._events: list[bytes] = []
        self._size_bytes = 0

    def push(self, event: bytes) -> None:
        """An event came from the worker."""
        self._events.append(event)
        self._size_bytes += len(event)
        if self._size_bytes > MOST_COLLECTED_BYTES:
            self._source.cancel([self._call_id])
            self._events.clear()
            self._ticket.fail(ContractViolation("The answer is too large for one document; ask for a stream."))
        elif len(self._events) % GRANT_EVENTS == 0:
            self._source.grant(self._call_id, GRANT_EVENTS)

    def finish(self, error: BaseException | None) -> None:
        """No more will come."""
        ticket = self._ticket
        if error is not None:
            ticket.fail(error)
            return
        waited_ns = ticket.sent_ns - ticket.queued_ns
        body = b"[" + b",".join(self._events) + b"]"
        ticket.resolve(Outcome(body, *self._answered_by, waited_ns, is_collected=True))


def _settle(pending: Pending[bytes | None], error: BaseException | None) -> None:
    if error is None:
        pending.resolve(None)
    else:
        pending.fail(error)
