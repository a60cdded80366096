"""Targets made of targets: one of several equals is asked, or a slow call is sent a second time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headworks.errors import DeadlineExceeded, HeadworksError, Overloaded, TargetError
from headworks.pending import Pending, driven
from headworks.targets.providers.balance import PeakLoad, better_of_two, drawn
from headworks.targets.providers.hedge import Hedging
from headworks.targets.providers.retry import Random
from headworks.targets.providers.waiting import Timers, done_within
from headworks.units import Clock
from headworks.values import Call, Opening, Outcome, Target

MOST_TRIED = 3


class Member(Target, Protocol):
    """A target that says for how long it will not be asked."""

    def set_aside_ns(self) -> int:
        """0 when it can be asked now."""


class Balanced:
    """Asks one of several equal targets; implements values.Target.

    Without weights it is the better of two by what each takes of late and has in hand, else drawn by weight. One that is
    set aside is passed over while another is not. What one cannot answer, another may, while there is time.

    Safe under: one thread.
    """

    def __init__(
        self, name: str, members: Sequence[Member], clock: Clock, random: Random, weights: Sequence[int] = ()
    ) -> None:
        self.name = name
        self._members = tuple(members)
        self._weights = tuple(weights)
        self._loads = {member.name: PeakLoad() for member in members}
        self._clock = clock
        self._random = random

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """Ask one of them; abandoning the pending result abandons it there."""
        return driven(self._answered(call, caller_id, deadline_ns, opening))

    def predicted_wait_ns(self, rows: int) -> int:
        """The shortest of theirs."""
        return min(member.predicted_wait_ns(rows) for member in self._members)

    def set_aside_ns(self) -> int:
        """0 while one of them can be asked."""
        return min(member.set_aside_ns() for member in self._members)

    async def _answered(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Outcome:
        left = list(self._members)
        failed: HeadworksError = DeadlineExceeded("The deadline passed before a target could be tried.")
        for _ in range(min(MOST_TRIED, len(left))):
            now_ns = self._clock.monotonic_ns()
            if now_ns >= deadline_ns:
                break
            member = self._picked(left, now_ns)
            left.remove(member)
            share_ns = (deadline_ns - now_ns) // 2 if left else deadline_ns - now_ns
            try:
                return await self._asked(member, call, caller_id, now_ns + share_ns, opening)
            except (TargetError, Overloaded) as error:
                failed = error
        raise failed

    async def _asked(self, member: Member, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Outcome:
        load = self._loads[member.name]
        began_ns = self._clock.monotonic_ns()
        load.begin()
        try:
            outcome = await member.start(call, caller_id, deadline_ns, opening)
        finally:
            load.end()
        now_ns = self._clock.monotonic_ns()
        load.observe(now_ns - began_ns, now_ns)
        return outcome

    def _picked(self, left: list[Member], now_ns: int) -> Member:
        usable = [member for member in left if member.set_aside_ns() == 0] or left
        if self._weights:
            weight_of = {member.name: weight for member, weight in zip(self._members, self._weights, strict=True)}
            return usable[drawn([weight_of[member.name] for member in usable], self._random)]
        return usable[better_of_two([self._loads[member.name] for member in usable], now_ns, self._random)]


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
        self.result.resolve(outcome)
        if not other.is_done:
            other.abandon()
        elif other.error is None and (stream := other.result().stream) is not None:
            stream.cancel()

    def _abandoned(self) -> None:
        self._first.abandon()
        self._second.abandon()
