"""Identical calls that run at the same time run once: the first leads, the others wait for its answer.

Each waits no longer than its own deadline. When the leader leaves, or fails for a reason of its own, the next one leads;
a failure of the target is everybody's failure, but never anybody's answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from headworks.errors import (
    ClientGone,
    DeadlineExceeded,
    HeadworksError,
    ProviderRefused,
    TargetError,
)
from headworks.pending import Pending
from headworks.units import SECOND_NS, Clock
from headworks.values import Outcome

Work = Callable[[], Pending[Outcome]]


class Timer(Protocol):
    """Something due later."""

    def cancel(self) -> None:
        """It is not wanted any more."""


class Timers(Protocol):
    """The part of an event loop that calls back later."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call after so many seconds."""


class _Seat:
    """One call in a flight: what it would run, and the result its caller waits for."""

    __slots__ = ("mine", "running", "timer", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.mine: Pending[Outcome] = Pending()
        self.running: Pending[Outcome] | None = None
        self.timer: Timer | None = None

    def rest(self) -> None:
        """Its timer is not needed any more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Flights:
    """Calls under way, by what they ask.

    Shapes: bounded by the calls that run; `shared` counts answers that others were given.
    Safe under: one thread.
    """

    __slots__ = ("_clock", "_flights", "_timers", "shared")

    def __init__(self, clock: Clock, timers: Timers) -> None:
        self._clock = clock
        self._timers = timers
        self._flights: dict[bytes, deque[_Seat]] = {}
        self.shared = 0

    def __len__(self) -> int:
        return len(self._flights)

    def join(self, key: bytes, deadline_ns: int, work: Work) -> tuple[Pending[Outcome], bool]:
        """The outcome, and whether this call leads; abandoning it leaves the flight to the others.

        Raises: what the work raises, and DeadlineExceeded, through the pending result.
        """
        seat = _Seat(work)
        seat.mine.on_abandon = partial(self._left, key, seat)
        waiting = self._flights.get(key)
        if waiting is None:
            self._flights[key] = deque()
            self._lead(key, seat)
            return seat.mine, True
        left_s = max(0.0, (deadline_ns - self._clock.monotonic_ns()) / SECOND_NS)
        seat.timer = self._timers.call_later(left_s, partial(self._too_late, key, seat))
        waiting.append(seat)
        return seat.mine, False

    def _lead(self, key: bytes, seat: _Seat | None) -> None:
        """Let this seat run its work; while each fails at once for its own reason, the next one."""
        while seat is not None:
            seat.rest()
            running = seat.running = seat.work()
            if not running.is_done:
                running.when_done(partial(self._landed, key, seat))
                return
            seat = self._ended(key, seat)

    def _landed(self, key: bytes, seat: _Seat) -> None:
        self._lead(key, self._ended(key, seat))

    def _ended(self, key: bytes, seat: _Seat) -> _Seat | None:
        """Tell the leader, and the others where its end is theirs too; gives who leads next."""
        running = seat.running
        if running is None:
            return None
        error = running.error
        if error is not None and not _is_everybodys(error):
            following = self._next(key)
            seat.mine.fail(error)
            return following
        if error is None and running.result().stream is not None:
            following = self._next(key)
            seat.mine.resolve(running.result())
            return following
        waiting = self._flights.pop(key)
        self._tell(seat, running)
        for other in waiting:
            other.rest()
            self.shared += error is None
            self._tell(other, running)
        return None

    def _tell(self, seat: _Seat, running: Pending[Outcome]) -> None:
        if running.error is None:
            seat.mine.resolve(running.result())
        else:
            seat.mine.fail(running.error)

    def _next(self, key: bytes) -> _Seat | None:
        waiting = self._flights[key]
        if waiting:
            return waiting.popleft()
        del self._flights[key]
        return None

    def _left(self, key: bytes, seat: _Seat) -> None:
        """Its caller went away: the leader's work is stopped and the next one leads."""
        seat.rest()
        running = seat.running
        if running is None:
            self._take_out(key, seat)
        elif not running.is_done:
            following = self._next(key)
            running.abandon()
            self._lead(key, following)
        seat.mine.fail(ClientGone())

    def _too_late(self, key: bytes, seat: _Seat) -> None:
        seat.timer = None
        self._take_out(key, seat)
        seat.mine.fail(DeadlineExceeded("The deadline passed before the same call, made earlier, was answered."))

    def _take_out(self, key: bytes, seat: _Seat) -> None:
        waiting = self._flights.get(key)
        if waiting is not None and seat in waiting:
            waiting.remove(seat)


def _is_everybodys(error: BaseException) -> bool:
    """Whether the same call by another would have failed as well: the target failed, or refused the input."""
    if isinstance(error, DeadlineExceeded):
        return False
    return isinstance(error, TargetError | ProviderRefused) or not isinstance(error, HeadworksError)
