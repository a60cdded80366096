"""The calls of one model and the workers that answer them: a Target.

Rules:
- A call goes to a worker as soon as one has room; what arrives in one round of the event loop goes together, and
  where a batch itself is dear, more calls may join it first (company.py).
- A worker has room with nothing to do, or with one batch that will be done in a moment, so that it never idles while
  an answer is on its way; behind a long batch nothing is queued, for another worker may be free earlier.
- One coarse timer looks after deadlines and hung workers while there is anything to look after.
"""

from collections.abc import Callable
from itertools import count

from msgspec import Struct

from headworks.errors import DeadlineExceeded, Draining, Overloaded
from headworks.pending import Pending
from headworks.targets.models.batch import Batcher, CostModel
from headworks.targets.models.company import Company
from headworks.targets.models.engine import Engine, Handle, Scheduler
from headworks.targets.models.pace import Pace
from headworks.targets.models.replica import Replica
from headworks.targets.models.runner import Announcement
from headworks.targets.models.seats import Seats
from headworks.targets.models.settings import ModelSettings
from headworks.targets.models.ticket import Ticket
from headworks.units import MILLISECOND_NS, SECOND_NS, Clock
from headworks.values import Call, Opening, Outcome

LOOKAHEAD_NS = 5 * MILLISECOND_NS
SINGLES_NS = 2 * MILLISECOND_NS
SLOW_NS = 100 * MILLISECOND_NS
TICK_S = 0.01
NEVER_NS = 2**63
QUICK_START_NS = 2 * SECOND_NS


class PoolState(Struct, frozen=True):
    """How one model fares, for health and administration.

    Shapes: `status` is starting, ready, degraded (fewer workers than configured), failed or draining.
    `late` counts answers nobody waited for any more, `unknown` answers to what was never asked.
    """

    name: str
    status: str
    reason: str
    model_version: str
    workers: tuple[int, ...]
    ready: int
    replicas: int
    restarts: int
    queued_calls: int
    queued_rows: int
    running_calls: int
    served: int
    late: int
    unknown: int


class ModelPool:
    """Answers the calls of one model; implements values.Target and replica.Owner.

    Cost: about 5 µs a call from `start` to the resolved outcome, in batches of 28, and two system calls a batch.
    Safe under: one thread, the event loop's.
    """

    def __init__(self, settings: ModelSettings, engine: Engine, scheduler: Scheduler, clock: Clock) -> None:
        self.name = settings.name
        self.settings = settings
        self.successor: ModelPool | None = None
        """Takes the calls that still come once this pool drains."""
        self._engine = engine
        self._scheduler = scheduler
        self._clock = clock
        self._now_ns: Callable[[], int] = clock.monotonic_ns
        self._hard_ns = int(settings.hard_timeout_s * SECOND_NS)
        self._max_wait_ns = int(settings.batch.max_wait_s * SECOND_NS)
        self._max_rows = settings.batch.max_size
        self._cost = CostModel()
        self._latency = CostModel()
        self._company = Company(self._cost, self._max_rows)
        self._queue: Batcher[Ticket] = Batcher(settings.queue, self._cost)
        self._ids = count(1)
        self._seats = Seats(settings, scheduler, self._start_replica)
        self._turn = 0
        self._is_flush_due = False
        self._tick: Handle | None = None
        self._is_keeping_up = False
        self._gathered_rows = 0
        self._pace = Pace()
        self._earliest_ns = NEVER_NS
        self._waiting_since_ns = 0
        self._wait_timer: Handle | None = None
        self._drain_timer: Handle | None = None
        self._served = self._late = self._unknown = 0

    def open(self) -> Pending[Announcement]:
        """Start the workers; resolves when all are ready.

        Raises: ModelUnavailable with the `reason`, through the pending result; nothing is then left running.
        """
        self._seats.open()
        return self._seats.opened

    @property
    def announcement(self) -> Announcement | None:
        """What the model says of itself; None until it first was ready."""
        return self._seats.announcement

    @property
    def is_available(self) -> bool:
        """Whether a worker is ready, or a quick one that fell off once is about to be again."""
        seats = self._seats
        return bool(seats.ready) or (
            seats.announcement is not None and seats.failures <= 1 and seats.load_ns < QUICK_START_NS
        )

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening | None = None) -> Pending[Outcome]:
        """Queue one call; abandoning the pending result takes it out of the queue or discards its result."""
        if self.successor is not None:
            return self.successor.start(call, caller_id, deadline_ns, opening)
        now_ns = self._now_ns()
        ticket = Ticket(call, caller_id, deadline_ns, now_ns, self)
        if self._drain_timer is not None or self._seats.is_closing:
            ticket.fail(Draining())
            return ticket
        if not self._queue.calls:
            self._waiting_since_ns = now_ns
        if not self._queue.add(ticket):
            wait_s = max(self.predicted_wait_ns(ticket.rows) / SECOND_NS, 0.001)
            ticket.fail(Overloaded(f"The queue of {self.name} is full.", retry_after_s=wait_s))
            return ticket
        if deadline_ns < self._earliest_ns:
            self._earliest_ns = deadline_ns
        if not self._is_flush_due:
            self._is_flush_due = True
            self._scheduler.call_soon(self._flush)
        self._gathered_rows += ticket.rows
        if self._gathered_rows >= self._max_rows:
            self._keep_up()
        return ticket

    def predicted_wait_ns(self, rows: int) -> int:
        """How long a call of so many rows would wait before it starts, by what was measured of late."""
        ready = self._seats.ready
        if not ready:
            return self._seats.load_ns
        ahead = self._queue.rows + (ready[0].rows if len(ready) == 1 else sum([replica.rows for replica in ready]))
        if not ahead:
            return 0
        if ready[0].is_concurrent:
            room = self.settings.concurrency * len(ready)
            return max(0, self._latency.of_ns(1) * (ahead - room) // room)
        batches, rest = divmod(ahead, self._max_rows)
        whole_ns = self._cost.of_ns(rest) if rest else 0
        if batches:
            whole_ns += batches * self._cost.of_ns(self._max_rows)
        return max(whole_ns // len(ready), ahead * self._pace.row_ns)

    def load(self) -> float:
        """The wait and the run of one more row; see values.Target."""
        return self.predicted_wait_ns(1) + self._cost.of_ns(1)

    def drain(self, grace_s: float) -> Pending[None]:
        """Finish what was accepted, take nothing new, end the workers; resolves when the last has left.

        What is not done within the grace fails with Draining.
        """
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self._drain_timer = self._scheduler.call_later(grace_s, self._give_up_draining)
        self._leave_if_idle()
        return self._seats.closed

    def state(self) -> PoolState:
        """How the model fares."""
        seats = self._seats
        replicas = seats.replicas()
        announcement = seats.announcement
        return PoolState(
            self.name,
            self._status(),
            seats.reason,
            announcement.model_version if announcement is not None else "",
            tuple(replica.worker.number for replica in replicas),
            len(seats.ready),
            self.settings.replicas,
            seats.restarts,
            self._queue.calls,
            self._queue.rows,
            sum(len(replica.running) for replica in replicas),
            self._served + sum(replica.served for replica in replicas),
            self._late + sum(replica.late for replica in replicas),
            self._unknown + sum(replica.unknown for replica in replicas),
        )

    def give_up(self, ticket: Ticket) -> None:
        """Nobody waits for this call any more."""
        if ticket.is_queued:
            self._queue.drop(ticket)
            self._leave_if_idle()
        elif ticket.flight is not None:
            ticket.flight.keeper.give_up(ticket)

    def became_ready(self, replica: Replica) -> None:
        """A worker may be sent calls."""
        self._seats.became_ready(replica)
        self._flush()

    def answered(self, replica: Replica, rows: int, run_ns: int) -> None:
        """A worker answered and may have room again."""
        if rows:
            is_busy = bool(self._queue.calls) or any(other.running for other in self._seats.ready)
            now_ns = self._now_ns()
            self._pace.answered(rows, now_ns, now_ns - replica.sent_ns, is_busy=is_busy)
            (self._latency if replica.is_concurrent else self._cost).observe(rows, run_ns)
            if not replica.is_proven:
                self._seats.proved(replica)
        most = self.settings.max_requests
        if most is not None and replica.served >= most:
            self._seats.recycle(replica)
        self._flush()

    def lost(self, replica: Replica, not_begun: list[Ticket]) -> None:
        """A worker has ended; what it never began is queued again, ahead of what came later."""
        self._served += replica.served
        self._late += replica.late
        self._unknown += replica.unknown
        self._queue.put_back(not_begun)
        self._seats.lost(replica)
        self._flush()
        self._forget_timers_if_closed()

    def _keep_up(self) -> None:
        """A whole batch came in one round of the loop, which may be long: hear the workers and send without waiting for its end."""
        self._gathered_rows = 0
        if self._is_keeping_up:
            return
        self._is_keeping_up = True
        for replica in tuple(self._seats.ready):
            replica.worker.poll()
        self._is_keeping_up = False
        self._flush()

    def _start_replica(self) -> Replica:
        replica = Replica(self.name, self, self._ids, self._clock)
        replica.start(self._engine, self.settings)
        return replica

    def _status(self) -> str:
        if self._seats.is_closing or self._drain_timer is not None:
            return "draining"
        if len(self._seats.ready) == self.settings.replicas:
            return "ready"
        if not self._seats.opened.is_done:
            return "starting"
        return "degraded" if self._seats.ready else "failed"

    def _flush(self) -> None:
        """Send what waits to workers with room."""
        self._is_flush_due = False
        self._gathered_rows = 0
        queue = self._queue
        while queue.calls:
            replica = self._with_room()
            if replica is None:
                break
            now_ns = self._now_ns()
            if self._is_held(replica, now_ns):
                break
            batch, expired = queue.take(self._rows_for(replica), now_ns, now_ns + self._cost.of_ns(replica.rows))
            self._waiting_since_ns = now_ns
            if batch:
                replica.send(batch, now_ns)
            for ticket in expired:
                ticket.fail(DeadlineExceeded())
        if self._tick is None:
            self._tick = self._scheduler.call_later(TICK_S, self._look)
        if self._drain_timer is not None:
            self._leave_if_idle()

    def _with_room(self) -> Replica | None:
        """A worker that can take a batch: the least busy, and of equals each in turn."""
        ready = self._seats.ready
        if len(ready) == 1:
            return ready[0] if self._has_room(ready[0]) else None
        self._turn += 1
        turn = self._turn % len(ready) if ready else 0
        free = [replica for replica in ready[turn:] + ready[:turn] if self._has_room(replica)]
        return min(free, key=_busyness, default=None)

    def _has_room(self, replica: Replica) -> bool:
        if replica.is_concurrent:
            return len(replica.running) < self.settings.concurrency
        flights = len(replica.flights)
        if flights == 0:
            return True
        return flights == 1 and self._cost.is_known and self._cost.of_ns(replica.rows) < LOOKAHEAD_NS

    def _rows_for(self, replica: Replica) -> int:
        announcement = self._seats.announcement
        if replica.is_concurrent:
            return min(self._max_rows, self.settings.concurrency - len(replica.running))
        if announcement is not None and announcement.is_batch:
            return self._max_rows
        return max(1, min(self._max_rows, self._cost.rows_within(SINGLES_NS))) if self._cost.is_known else 1

    def _is_held(self, replica: Replica, now_ns: int) -> bool:
        """Whether what waits lets more calls join it; if so, this is asked again when that may have changed."""
        if self._max_wait_ns:
            return self._is_worth_waiting(now_ns)
        if not replica.is_batch or replica.is_concurrent:
            return False
        is_busy = bool(replica.flights)
        waited_ns, slack_ns = now_ns - self._waiting_since_ns, self._earliest_ns - now_ns
        is_held = self._company.is_worth_waiting_for(self._queue.rows, waited_ns, slack_ns, is_busy=is_busy)
        if is_held and not is_busy and not self._is_flush_due:
            self._is_flush_due = True
            self._scheduler.call_soon(self._flush)
        return is_held

    def _is_worth_waiting(self, now_ns: int) -> bool:
        """Whether `max_wait_s` asks for more company first; if so, a timer will flush."""
        left_ns = self._waiting_since_ns + self._max_wait_ns - now_ns
        if self._queue.rows >= self._max_rows or left_ns <= 0:
            return False
        if self._wait_timer is None:
            self._wait_timer = self._scheduler.call_later(left_ns / SECOND_NS, self._waited)
        return True

    def _waited(self) -> None:
        self._wait_timer = None
        self._flush()

    def _look(self) -> None:
        """The coarse timer: deadlines, hung workers, batches stuck behind a slow one."""
        self._tick = None
        now_ns = self._now_ns()
        if now_ns >= self._earliest_ns:
            self._expire(now_ns)
        replicas = self._seats.replicas()
        for replica in replicas:
            replica.check(now_ns, self._hard_ns)
        if self.settings.retry and len(replicas) > 1:
            self._recall(replicas, now_ns)
        if self._tick is None and (self._queue.calls or any(replica.running for replica in replicas)):
            self._tick = self._scheduler.call_later(TICK_S, self._look)

    def _expire(self, now_ns: int) -> None:
        """Fail every call whose deadline has passed, waiting or running."""
        running = [ticket for replica in self._seats.replicas() for ticket in replica.awaited()]
        earliest_ns = NEVER_NS
        for ticket in [*self._queue.waiting(), *running]:
            if ticket.deadline_ns <= now_ns:
                self.give_up(ticket)
                ticket.fail(DeadlineExceeded())
            elif ticket.deadline_ns < earliest_ns:
                earliest_ns = ticket.deadline_ns
        self._earliest_ns = earliest_ns

    def _recall(self, replicas: list[Replica], now_ns: int) -> None:
        """Batches behind one that takes far longer than expected go back to the queue, for another worker."""
        slow_ns = max(SLOW_NS, 10 * self._cost.of_ns(self._max_rows))
        for replica in replicas:
            if len(replica.flights) > 1 and replica.has_run_ns(now_ns) > slow_ns and (back := replica.recall()):
                self._queue.put_back(back)
                self._flush()

    def _leave_if_idle(self) -> None:
        if self._drain_timer is None or self._queue.calls or self._seats.is_closing:
            return
        self._seats.close()
        self._forget_timers_if_closed()

    def _forget_timers_if_closed(self) -> None:
        if not self._seats.closed.is_done:
            return
        for timer in (self._tick, self._wait_timer, self._drain_timer):
            if timer is not None:
                timer.cancel()

    def _give_up_draining(self) -> None:
        for ticket in list(self._queue.waiting()):
            self._queue.drop(ticket)
            ticket.fail(Draining())
        self._seats.close()
        self._seats.kill()


def _busyness(replica: Replica) -> int:
    return len(replica.flights)
