"""One worker as the pool sees it: what it runs, what it answered, whether it still lives."""

from enum import Enum
from itertools import count, islice
from typing import Protocol

from headworks.errors import BodyTooLarge, DeadlineExceeded, HeadworksError, ModelCrashed
from headworks.targets.models.channel import FrameRefused, check_sizes
from headworks.targets.models.engine import Engine, Handle, Worker
from headworks.targets.models.messages import Done, End, Event, Load, LoadFailed, Ready
from headworks.targets.models.runner import Announcement
from headworks.targets.models.settings import ModelSettings
from headworks.targets.models.ticket import Collected, EventStream, Flight, Recalled, Ticket
from headworks.targets.models.translate import batched, error_of, http_outcome
from headworks.units import Clock
from headworks.values import Outcome

MOST_TRIES = 3
LEAVE_GRACE_S = 5.0
CANCEL_GRACE_NS = 1_000_000_000


class Life(Enum):
    """Where a worker stands; it only ever moves down this list."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"


class Owner(Protocol):
    """The pool, as its replicas see it."""

    def became_ready(self, replica: "Replica") -> None:
        """It may be sent calls."""

    def answered(self, replica: "Replica", rows: int, run_ns: int) -> None:
        """It may have room again."""

    def lost(self, replica: "Replica", not_begun: list[Ticket]) -> None:
        """It has ended; these calls it never began."""


class Replica:
    """One worker and the calls it holds; implements engine.Listener.

    An answer is looked up among the ids sent to this very worker: one for any other id is counted and dropped.
    A worker answers its batches in order, except a concurrent one, which runs all it has side by side.
    """

    def __init__(self, name: str, owner: Owner, ids: "count[int]", clock: Clock) -> None:
        self.life = Life.STARTING
        self.running: dict[int, Ticket | Recalled] = {}
        self.flights: dict[Flight, None] = {}
        self.rows = 0
        self.served = 0
        self.late = 0
        self.unknown = 0
        self.reason = ""
        self.load_ns = 0
        self.sent_ns = 0
        """When the batch was sent that was answered last."""
        self.announcement: Announcement | None = None
        self.is_concurrent = False
        self.is_batch = False
        self.is_proven = False
        self.start_timer: Handle | None = None
        self.worker: Worker
        self._progress_ns = 0
        self._is_hung = False
        self._is_stream = False
        self._is_http = False
        self._answered_by = (name, "")
        self._owner = owner
        self._ids = ids
        self._now_ns = clock.monotonic_ns

    def start(self, engine: Engine, settings: ModelSettings) -> None:
        """Start the worker and have it load the model."""
        self.worker = engine.start(settings, self)
        most = settings.batch.max_size
        self.worker.load(Load(settings.source, most, settings.retry, settings.concurrency, settings.attach_above_bytes))

    def send(self, tickets: list[Ticket], now_ns: int) -> None:
        """Send one batch; its calls get new ids."""
        ids = list(islice(self._ids, len(tickets)))
        rows = 0
        begun_ns = now_ns if self.is_concurrent or not self.flights else 0
        flight = Flight(self, ids[-1], len(ids), begun_ns, now_ns)
        for call_id, ticket in zip(ids, tickets, strict=True):
            ticket.call_id = call_id
            ticket.sent_ns = now_ns
            ticket.tries += 1
            ticket.flight = flight
            rows += ticket.rows
            if self._is_stream:
                kind = EventStream if ticket.wants_events else Collected
                ticket.stream = kind(ticket, self, self._answered_by)
        self.rows += rows
        self.running.update(zip(ids, tickets, strict=True))
        self.flights[flight] = None
        self._progress_ns = now_ns
        try:
            self.worker.send(*batched(ids, tickets))
        except FrameRefused:
            self._refuse(ids)

    def give_up(self, ticket: Ticket) -> None:
        """Nobody waits for a running call: its worker may stop, its answer will be dropped."""
        ticket.stream = None
        self.cancel([ticket.call_id])

    def grant(self, call_id: int, events: int) -> None:
        """Let so many more events of a stream come."""
        self._progress_ns = self._now_ns()
        self.worker.grant(call_id, events)

    def cancel(self, call_ids: list[int]) -> None:
        """Stop calls, as far as the model can be stopped."""
        self.worker.cancel(call_ids)

    def recall(self) -> list[Ticket]:
        """Take back the calls of batches not begun; the worker is told to skip them."""
        back = [ticket for ticket in self._not_begun() if not ticket.is_done]
        for ticket in back:
            self.running[ticket.call_id] = Recalled(ticket)
        if back:
            self.cancel([ticket.call_id for ticket in back])
        return back

    def drain(self) -> None:
        """Take no new calls; leave once the running ones are answered."""
        if self.life is Life.READY:
            self.life = Life.DRAINING
        self.leave_if_idle()

    def leave_if_idle(self) -> None:
        """End a draining worker that has nothing left to answer."""
        if self.life is Life.DRAINING and not self.running:
            self.worker.leave(LEAVE_GRACE_S)

    def check(self, now_ns: int, hard_ns: int) -> None:
        """Kill the worker if one of its batches has run too long."""
        if not self.flights or self._is_hung:
            return
        if self._is_stream:
            is_owed = any(ticket.stream is None or ticket.stream.is_owed for ticket in self.running.values())
            is_hung = is_owed and now_ns - self._progress_ns > hard_ns
        elif self.is_concurrent:
            over_time = [flight for flight in self.flights if self._is_over_time(flight, now_ns, hard_ns)]
            is_hung = bool(over_time)
        else:
            is_hung = self.has_run_ns(now_ns) > hard_ns
        if is_hung:
            self._is_hung = True
            self.worker.kill()

    def awaited(self) -> list[Ticket]:
        """The running calls somebody still waits for."""
        return [ticket for ticket in self.running.values() if isinstance(ticket, Ticket) and not ticket.is_done]

    def has_run_ns(self, now_ns: int) -> int:
        """How long the oldest batch has run."""
        head = next(iter(self.flights), None)
        return now_ns - head.begun_ns if head is not None else 0

    def ready(self, message: Ready) -> None:
        """The model is loaded and warm."""
        if self.life is not Life.STARTING:
            return
        self._forget_timer()
        announcement = self.announcement = message.announcement
        self.load_ns = message.load_ns
        self._is_stream = announcement.is_stream
        self.is_batch = announcement.is_batch
        self.is_concurrent = announcement.is_async or announcement.is_stream or announcement.is_http
        self._answered_by = (self._answered_by[0], announcement.model_version)
        self._is_http = announcement.is_http
        self.life = Life.READY
        self._owner.became_ready(self)

    def refused(self, message: LoadFailed) -> None:
        """The model could not be loaded; the worker ends by itself."""
        self.reason = message.reason

    def done(self, message: Done, body: bytes) -> None:
        """Calls were answered."""
        check_sizes(message.sizes, len(body))
        if len(message.ids) != len(message.sizes):
            raise FrameRefused("answers have not one size a call")
        now_ns = self._progress_ns = self._now_ns()
        at = 0
        outcome_of = self._http_outcome if self._is_http else self._outcome
        for call_id, size in zip(message.ids, message.sizes, strict=False):
            ticket = self._landed(call_id, now_ns)
            end = at + size
            if ticket is not None:
                ticket.resolve(outcome_of(body[at:end], ticket, message))
            at = end
        for failure in message.failures:
            ticket = self._landed(failure.id, now_ns)
            if ticket is not None:
                ticket.fail(error_of(failure))
        self._owner.answered(self, message.rows, message.run_ns)
        self.leave_if_idle()

    def event(self, message: Event, body: bytes) -> None:
        """A stream gave an event."""
        self._progress_ns = self._now_ns()
        ticket = self.running.get(message.id)
        if ticket is None:
            self.unknown += 1
        elif ticket.stream is None:
            self.late += 1
        else:
            ticket.stream.push(body)

    def end(self, message: End) -> None:
        """A stream is over."""
        now_ns = self._progress_ns = self._now_ns()
        running = self.running.get(message.id)
        stream = running.stream if running is not None else None
        took_ns = now_ns - running.sent_ns if isinstance(running, Ticket) and stream is not None else 0
        ticket = self._landed(message.id, now_ns)
        error = error_of(message.failure) if message.failure is not None else None
        if stream is not None:
            stream.finish(error)
        elif ticket is not None and error is not None:
            ticket.fail(error)
        self._owner.answered(self, 1 if took_ns else 0, took_ns)
        self.leave_if_idle()

    def gone(self, reason: str) -> None:
        """The worker has ended: what it ran fails, what it had not begun may run elsewhere."""
        self.life = Life.GONE
        self._forget_timer()
        self.reason = self.reason or reason
        again = {ticket: None for ticket in self._not_begun() if not ticket.is_done and ticket.tries < MOST_TRIES}
        running, self.running = self.running, {}
        self.flights.clear()
        self.rows = 0
        for ticket in running.values():
            ticket.flight = None
            stream, ticket.stream = ticket.stream, None
            if stream is not None:
                stream.finish(self._loss())
            elif isinstance(ticket, Ticket) and ticket not in again:
                ticket.fail(self._loss())
        self._owner.lost(self, list(again))

    def _not_begun(self) -> list[Ticket]:
        """The calls of batches behind the one that runs; a concurrent worker has begun all it was sent."""
        head = next(iter(self.flights), None)
        if self.is_concurrent or head is None or len(self.flights) == 1:
            return []
        return [
            ticket for call_id, ticket in self.running.items() if call_id > head.last_id and isinstance(ticket, Ticket)
        ]

    def _forget_timer(self) -> None:
        if self.start_timer is not None:
            self.start_timer.cancel()
            self.start_timer = None

    def _loss(self) -> HeadworksError:
        if self._is_hung:
            return DeadlineExceeded("The model ran longer than it may.", reason="killed at its hard timeout")
        return ModelCrashed(reason=self.reason)

    def _landed(self, call_id: int, now_ns: int) -> Ticket | None:
        """Take a call out of what runs; None when nobody waits for its answer."""
        ticket = self.running.pop(call_id, None)
        if ticket is None:
            self.unknown += 1
            return None
        self.served += 1
        self.rows -= ticket.rows
        flight, ticket.flight = ticket.flight, None
        if flight is not None:
            flight.left -= 1
            flight.begun_ns = now_ns
            if not flight.left:
                self._over(flight, now_ns)
        if ticket.is_done:
            self.late += ticket.stream is None  # a stream's outcome was given with its first event
            return None
        return ticket if isinstance(ticket, Ticket) else None

    def _over(self, flight: Flight, now_ns: int) -> None:
        self.flights.pop(flight, None)
        self.sent_ns = flight.sent_ns
        following = next(iter(self.flights), None)
        if following is not None and not following.begun_ns:
            following.begun_ns = now_ns

    def _is_over_time(self, flight: Flight, now_ns: int, hard_ns: int) -> bool:
        """Cancel a concurrent call that ran too long; one that does not yield to that costs the worker its life."""
        over_ns = now_ns - flight.begun_ns - hard_ns
        if over_ns <= 0:
            return False
        if not flight.is_cancelled:
            flight.is_cancelled = True
            late = [ticket for ticket in self.running.values() if ticket.flight is flight]
            self.cancel([ticket.call_id for ticket in late])
            for ticket in late:
                if isinstance(ticket, Ticket):
                    ticket.fail(DeadlineExceeded("The model ran longer than it may."))
        return over_ns > CANCEL_GRACE_NS

    def _refuse(self, ids: list[int]) -> None:
        """A batch that no frame can carry never left."""
        for call_id in ids:
            ticket = self._landed(call_id, self._progress_ns)
            if ticket is not None:
                ticket.fail(BodyTooLarge("The input is too large for a model's worker."))

    def _outcome(self, body: bytes, ticket: Ticket, done: Done) -> Outcome:
        name, version = self._answered_by
        return Outcome(body, name, version, ticket.sent_ns - ticket.queued_ns, done.run_ns, done.rows)

    def _http_outcome(self, body: bytes, ticket: Ticket, done: Done) -> Outcome:
        return http_outcome(body, self._answered_by, ticket, done)
