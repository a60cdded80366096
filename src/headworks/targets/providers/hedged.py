"""A target that is asked a second time where a call takes longer than nearly all of them."""

from __future__ import annotations

from typing import Protocol

from headworks.pending import Pending, driven
from headworks.targets.providers.hedge import Hedging
from headworks.targets.providers.waiting import Timers, done_within
from headworks.units import Clock
from headworks.values import Call, Opening, Outcome, Target


class Member(Target, Protocol):
    """A target that says for how long it will not be asked."""

    def set_aside_ns(self) -> int:
        """0 when it can be asked now."""


class Hedged:
    """Asks a target, and once more where that is taking longer than nearly all calls; implements values.Target.

    The first good answer counts and the other is abandoned. The second copy goes to `second`, which may be the same
    target. A share of all calls bounds how many are sent twice; each copy is paid for.

    Safe under: one thread.
    """

    def __init__(self, first: Member, second: Member, hedging: Hedging, clock: Clock, timers: Timers) -> None:
        self.name = first.name
        self._first = first
        self._second = second
        self._hedging = hedging
        self._clock = clock
        self._timers = timers

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """Ask; abandoning the pending result abandons every copy."""
        return driven(self._answered(call, caller_id, deadline_ns, opening))

    def predicted_wait_ns(self, rows: int) -> int:
        """That of the first."""
        return self._first.predicted_wait_ns(rows)

    def load(self) -> float:
        """That of the first."""
        return self._first.load()

    def set_aside_ns(self) -> int:
        """That of the first."""
        return self._first.set_aside_ns()

    async def _answered(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Outcome:
        delay_ns = self._hedging.began()
        began_ns = self._clock.monotonic_ns()
        first = self._first.start(call, caller_id, deadline_ns, opening)
        if (
            delay_ns is not None
            and not await done_within(first, self._timers, delay_ns)
            and self._is_worth(deadline_ns)
        ):
            second = self._second.start(call, caller_id, deadline_ns, opening)
            outcome = await Race(first, second).result
        else:
            outcome = await first
        self._hedging.observe(self._clock.monotonic_ns() - began_ns)
        return outcome

    def _is_worth(self, deadline_ns: int) -> bool:
        if self._clock.monotonic_ns() >= deadline_ns or self._second.set_aside_ns() > 0:
            return False
        return self._hedging.take()


class Race:
    """The first good one of two outcomes; the other is abandoned, and its stream stopped if it came as well.

    Shapes: `result` fails with the first's error when both fail; abandoning it abandons both.
    """

    __slots__ = ("_first", "_second", "result")

    def __init__(self, first: Pending[Outcome], second: Pending[Outcome]) -> None:
        self.result: Pending[Outcome] = Pending()
        self.result.on_abandon = self._abandoned
        self._first = first
        self._second = second
        first.when_done(self._came)
        second.when_done(self._came)

    def _came(self) -> None:
        if self.result.is_done:
            return
        for one, other in ((self._first, self._second), (self._second, self._first)):
            if one.is_done and one.error is None:
                self._win(one.result(), other)
                return
        if self._first.is_done and self._second.is_done and self._first.error is not None:
            self.result.fail(self._first.error)

    def _win(self, outcome: Outcome, other: Pending[Outcome]) -> None:
        """The loser's books are closed first: what waits for the winner writes the call's last row at once."""
        if not other.is_done:
            other.abandon()
        elif other.error is None and (stream := other.result().stream) is not None:
            stream.cancel()
        self.result.resolve(outcome)

    def _abandoned(self) -> None:
        self._first.abandon()
        self._second.abandon()
