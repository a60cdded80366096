"""Targets that share the calls of one version, judged against each other by real calls only. No I/O and no clock.

A breaker sees a target alone; what half of all targets suffer trips none of them, and what fails a third of its calls
goes on, asked all the more since failures are quick. Here one that does much worse than its equals is put last for a
while. The rules stand in two tables, as the breaker's do: what an event changes, and what the passing of time changes.

Sources: Envoy's outlier detection (least calls and targets, most out, growing times); the two-proportion z-test with a
pooled share, since among two or three targets no one can lie many deviations from the mean of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from math import exp, inf, log, sqrt

from msgspec import Struct

from headworks.policies import OutlierPolicy
from headworks.units import SECOND_NS

SLOTS = 10
LEAST_TOOK_NS = 1000
"""What is quicker counts as this: a logarithm needs something."""


class Standing(Enum):
    """Where a target stands among its equals."""

    IN = "in"
    OUT = "out"
    """Asked only when every other has failed."""
    BACK = "back"
    """Asked as before, and not yet found to be well again."""


class Event(Enum):
    """What can happen to a target's standing."""

    OUTLYING = "outlying"
    FITTING = "fitting"
    """Enough calls, and it does about as well as the others."""


ON_EVENT: dict[Standing, dict[Event, Standing]] = {
    Standing.IN: {Event.OUTLYING: Standing.OUT},
    Standing.OUT: {},
    Standing.BACK: {Event.OUTLYING: Standing.OUT, Event.FITTING: Standing.IN},
}

ON_TIME: dict[Standing, Standing] = {Standing.OUT: Standing.BACK}
"""What a standing becomes when its time is over; the others last until an event."""


class Seen(Struct, frozen=True):
    """What was seen of a target within the window: `log_took` sums the logarithms of what its good answers took."""

    calls: int = 0
    failed: int = 0
    log_took: float = 0.0

    @property
    def failed_share(self) -> float:
        """0 where there were no calls."""
        return self.failed / self.calls if self.calls else 0.0

    @property
    def typical_ns(self) -> float:
        """The geometric mean of good answers, which one very slow answer hardly moves; 0 where there were none."""
        well = self.calls - self.failed
        return exp(self.log_took / well) if well else 0.0


class Window:
    """The calls of the last while, in slots of a tenth of it.

    Cost: constant memory.
    """

    __slots__ = ("_slot_ns", "_slots")

    def __init__(self, span_ns: int) -> None:
        self._slot_ns = max(1, span_ns // SLOTS)
        self._slots: list[tuple[int, Seen]] = []

    def add(self, now_ns: int, *, is_failed: bool, took_ns: int) -> None:
        """Count one call that has ended."""
        slot = now_ns // self._slot_ns
        last = self._slots.pop()[1] if self._slots and self._slots[-1][0] == slot else Seen()
        took = 0.0 if is_failed else log(max(took_ns, LEAST_TOOK_NS))
        self._slots.append((slot, Seen(last.calls + 1, last.failed + is_failed, last.log_took + took)))
        self._drop_before(slot)

    def seen(self, now_ns: int) -> Seen:
        """All that is not too old."""
        self._drop_before(now_ns // self._slot_ns)
        return _together([seen for _, seen in self._slots])

    def clear(self) -> None:
        """Forget everything."""
        self._slots.clear()

    def _drop_before(self, slot: int) -> None:
        while self._slots and self._slots[0][0] <= slot - SLOTS:
            self._slots.pop(0)


class Change(Struct, frozen=True):
    """One target's standing has changed, and what it was judged by; the times only where it was judged."""

    target: str
    standing: Standing
    own: Seen = Seen()
    others: Seen = Seen()
    out_s: float = 0.0


class State(Struct, frozen=True):
    """How one target stands now, for metrics and administration."""

    endpoint: str
    target: str
    standing: Standing
    ejections: int
    calls: int
    failed: int


class _Member:
    """One target of a group."""

    __slots__ = ("ejections", "in_a_row", "name", "standing", "stay", "until_ns", "window")

    def __init__(self, name: str, span_ns: int) -> None:
        self.name = name
        self.standing = Standing.IN
        self.window = Window(span_ns)
        self.stay = 0
        """Which stay in a standing this is: a call begun in an earlier one is no evidence any more."""
        self.until_ns = 0
        self.in_a_row = 0
        self.ejections = 0


class Group:
    """Equals, and which of them are out.

    Cost: some microseconds a failed call, for a handful of targets; below one for a good one.
    Safe under: one thread.
    """

    def __init__(self, names: Sequence[str], policy: OutlierPolicy, told: Callable[[Change], None]) -> None:
        self.names = tuple(names)
        self.policy = policy
        self._told = told
        span_ns = int(policy.window_s * SECOND_NS)
        self._members = {name: _Member(name, span_ns) for name in names}
        self._out = 0
        self._most_out = max(min(int(policy.most_out * len(self._members)), len(self._members) - 1), 0)
        if len(self._members) > 1:
            self._most_out = max(self._most_out, 1)

    def out(self, now_ns: int) -> frozenset[str]:
        """Who is to be asked last now."""
        if not self._out:
            return NOBODY
        for member in self._members.values():
            self._let_time_pass(member, now_ns)
        return frozenset(name for name, member in self._members.items() if member.standing is Standing.OUT)

    def begin(self, name: str) -> int:
        """A call begins; what it is given is to be handed back with how it ended."""
        return self._members[name].stay

    def ended(self, name: str, given: int, took_ns: int, now_ns: int, *, is_failed: bool) -> None:
        """A call ended in a way that tells something of the target."""
        member = self._members[name]
        self._let_time_pass(member, now_ns)
        if given != member.stay or member.standing is Standing.OUT:
            return
        member.window.add(now_ns, is_failed=is_failed, took_ns=took_ns)
        if is_failed or member.standing is Standing.BACK or self.policy.slower is not None:
            self._judge(member, now_ns)

    def states(self, endpoint: str, now_ns: int) -> list[State]:
        """How every target stands."""
        self.out(now_ns)
        found = []
        for member in self._members.values():
            seen = member.window.seen(now_ns)
            found.append(State(endpoint, member.name, member.standing, member.ejections, seen.calls, seen.failed))
        return found

    def _judge(self, member: _Member, now_ns: int) -> None:
        """Put it out, or find it well, when the evidence is enough for either."""
        least = self.policy.least_calls
        own = member.window.seen(now_ns)
        if own.calls < least:
            return
        peers = [each for each in self._members.values() if each is not member and each.standing is not Standing.OUT]
        judged = [seen for each in peers if (seen := each.window.seen(now_ns)).calls >= least]
        if len(judged) + 1 < self.policy.least_targets:
            return
        others = _together(judged)
        if not is_outlying(own, others, self.policy):
            self._happens(member, Event.FITTING, Change(member.name, Standing.IN, own, others), now_ns)
        elif self._out < self._most_out:
            self._happens(member, Event.OUTLYING, Change(member.name, Standing.OUT, own, others), now_ns)

    def _happens(self, member: _Member, event: Event, change: Change, now_ns: int) -> None:
        following = ON_EVENT[member.standing].get(event)
        if following is None:
            return
        out_s = 0.0
        if following is Standing.OUT:
            out_s = min(self.policy.out_s * 2 ** min(member.in_a_row, 16), self.policy.longest_out_s)
            member.in_a_row += 1
            member.ejections += 1
            self._out += 1
        else:
            member.in_a_row = 0
        self._become(member, following, now_ns + int(out_s * SECOND_NS))
        self._told(Change(change.target, following, change.own, change.others, out_s))

    def _let_time_pass(self, member: _Member, now_ns: int) -> None:
        following = ON_TIME.get(member.standing)
        if following is not None and now_ns >= member.until_ns:
            self._out -= 1
            member.window.clear()
            self._become(member, following, 0)
            self._told(Change(member.name, following))

    def _become(self, member: _Member, standing: Standing, until_ns: int) -> None:
        member.standing = standing
        member.until_ns = until_ns
        member.stay += 1


NOBODY: frozenset[str] = frozenset()


def is_outlying(own: Seen, others: Seen, policy: OutlierPolicy) -> bool:
    """Whether one does so much worse than the others that chance is no explanation, or is so much slower."""
    worse = own.failed_share - others.failed_share
    if worse >= policy.worse_by and worse >= policy.deviations * _deviation(own, others):
        return True
    if policy.slower is None or not others.typical_ns:
        return False
    return own.typical_ns > policy.slower * others.typical_ns


def _deviation(own: Seen, others: Seen) -> float:
    """The standard deviation of the difference of two shares, were both drawn from the same."""
    if not own.calls or not others.calls:
        return inf
    share = (own.failed + others.failed) / (own.calls + others.calls)
    return sqrt(share * (1 - share) * (1 / own.calls + 1 / others.calls))


def _together(seen: Sequence[Seen]) -> Seen:
    return Seen(
        sum(each.calls for each in seen), sum(each.failed for each in seen), sum(each.log_took for each in seen)
    )
