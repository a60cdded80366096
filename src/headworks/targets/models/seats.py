"""Keeps as many workers of one model alive as configured: respawn with back-off, recycle without a gap, drain.

Rules:
- A worker that ends before the model was ever ready fails the start; after that every loss is followed by a respawn.
- The back-off doubles with each loss in a row and is forgotten as soon as a worker has answered a call.
- A recycled worker serves until its successor is ready; one seat at a time.
- A worker that announces another contract than the first one is ended: files changed under us, and that is a swap.
"""

from collections.abc import Callable

from headworks.errors import ModelUnavailable
from headworks.pending import Pending
from headworks.targets.models.engine import Handle, Scheduler
from headworks.targets.models.replica import Life, Replica
from headworks.targets.models.runner import Announcement
from headworks.targets.models.settings import ModelSettings

FIRST_BACK_OFF_S = 0.05
LONGEST_BACK_OFF_S = 10.0
MEMORY_LOOK_S = 1.0
CHANGED = "it announced another contract than before; a changed model takes over by a swap"


class Seat:
    """A place for one worker: who sits there, who is to follow, and how often one fell off in a row."""

    __slots__ = ("failures", "replica", "successor", "timer")

    def __init__(self) -> None:
        self.replica: Replica | None = None
        self.successor: Replica | None = None
        self.failures = 0
        self.timer: Handle | None = None


class Seats:
    """All workers of one model.

    `opened` resolves when every seat is taken for the first time; `closed` when the last worker has ended.
    """

    def __init__(self, settings: ModelSettings, scheduler: Scheduler, start: Callable[[], Replica]) -> None:
        self.opened: Pending[Announcement] = Pending()
        self.closed: Pending[None] = Pending()
        self.announcement: Announcement | None = None
        self.ready: list[Replica] = []
        self.restarts = 0
        self.reason = ""
        self.load_ns = 0
        self.is_closing = False
        self._settings = settings
        self._scheduler = scheduler
        self._start = start
        self._all = [Seat() for _ in range(settings.replicas)]
        self._leaving: set[Replica] = set()
        self._memory_timer: Handle | None = None

    @property
    def failures(self) -> int:
        """Losses in a row at the luckiest seat."""
        return min(seat.failures for seat in self._all)

    def replicas(self) -> list[Replica]:
        """Every worker that lives."""
        seated = [replica for seat in self._all for replica in (seat.replica, seat.successor) if replica is not None]
        return seated + list(self._leaving)

    def open(self) -> None:
        """Start a worker for every seat."""
        for seat in self._all:
            self._fill(seat)
        if self._settings.max_rss_bytes is not None:
            self._memory_timer = self._scheduler.call_later(MEMORY_LOOK_S, self._look_at_memory)

    def became_ready(self, replica: Replica) -> None:
        """A worker is ready: seat it, or send its predecessor away."""
        seat = self._seat_of(replica)
        if seat is None or self.is_closing:
            replica.worker.kill()
            return
        if not self._accepts(replica.announcement):
            replica.reason = CHANGED
            replica.worker.kill()
            return
        self.load_ns = replica.load_ns
        if seat.successor is replica:
            self._send_away(seat)
        self.ready.append(replica)
        if len(self.ready) == len(self._all) and self.announcement is not None:
            self.opened.resolve(self.announcement)

    def proved(self, replica: Replica) -> None:
        """It answered a call: the next loss starts from the shortest back-off."""
        replica.is_proven = True
        seat = self._seat_of(replica)
        if seat is not None:
            seat.failures = 0

    def recycle(self, replica: Replica) -> None:
        """Replace a worker: its successor starts now, it leaves when that is ready. Without effect while one is due."""
        seat = self._seat_of(replica)
        if seat is None or seat.timer is not None or self.is_closing:
            return
        if any(other.successor is not None for other in self._all) or replica.life is not Life.READY:
            return
        try:
            seat.successor = self._started()
        except OSError as error:
            self._later(seat, str(error))

    def lost(self, replica: Replica) -> None:
        """A worker has ended."""
        if replica in self.ready:
            self.ready.remove(replica)
        self._leaving.discard(replica)
        seat = self._seat_of(replica)
        if seat is not None and seat.successor is replica:
            seat.successor = None
            self._later(seat, replica.reason)
        elif seat is not None:
            seat.replica = None
            self._later(seat, replica.reason)
        if self.is_closing and not self.replicas():
            self.closed.resolve(None)

    def close(self) -> None:
        """Let every worker finish what it runs and leave; those not ready end now."""
        self.is_closing = True
        for timer in (self._memory_timer, *(seat.timer for seat in self._all)):
            if timer is not None:
                timer.cancel()
        for replica in self.replicas():
            if replica.life is Life.STARTING:
                replica.worker.kill()
            else:
                replica.drain()
        self.ready.clear()
        self.opened.fail(ModelUnavailable(reason="it was ended before it was ready"))
        if not self.replicas():
            self.closed.resolve(None)

    def kill(self) -> None:
        """End every worker now."""
        for replica in self.replicas():
            replica.worker.kill()

    def _accepts(self, announcement: Announcement | None) -> bool:
        first = self.announcement
        if first is None or announcement is None:
            self.announcement = announcement
            return True
        return first.request == announcement.request and first.reply == announcement.reply

    def _send_away(self, seat: Seat) -> None:
        old, seat.replica, seat.successor = seat.replica, seat.successor, None
        if old is not None:
            if old in self.ready:
                self.ready.remove(old)
            self._leaving.add(old)
            old.drain()

    def _seat_of(self, replica: Replica) -> Seat | None:
        return next((seat for seat in self._all if replica in (seat.replica, seat.successor)), None)

    def _fill(self, seat: Seat) -> None:
        seat.timer = None
        if self.is_closing or seat.replica is not None:
            return
        try:
            seat.replica = self._started()
        except OSError as error:
            self._later(seat, str(error))

    def _started(self) -> Replica:
        replica = self._start()

        def end_if_not_ready() -> None:
            if replica.life is Life.STARTING:
                replica.reason = f"it was not ready after {self._settings.start_timeout_s:g} s"
                replica.worker.kill()

        replica.start_timer = self._scheduler.call_later(self._settings.start_timeout_s, end_if_not_ready)
        return replica

    def _later(self, seat: Seat, reason: str) -> None:
        self.reason = reason
        if self.is_closing:
            return
        if not self.opened.is_done:
            self.opened.fail(ModelUnavailable(reason=reason))
            self.close()
            self.kill()
            return
        self.restarts += 1
        delay_s = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** min(seat.failures, 20))
        seat.failures += 1
        seat.timer = self._scheduler.call_later(delay_s, lambda: self._fill(seat))

    def _look_at_memory(self) -> None:
        self._memory_timer = self._scheduler.call_later(MEMORY_LOOK_S, self._look_at_memory)
        most_bytes = self._settings.max_rss_bytes
        for replica in self.ready:
            if most_bytes is not None and replica.worker.resident_bytes() > most_bytes:
                self.recycle(replica)
