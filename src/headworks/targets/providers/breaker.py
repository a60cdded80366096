"""A circuit breaker by passive evidence: real calls only, no probe that costs money. No I/O and no clock.

The rules stand in two tables: what an event changes, and what the passing of time changes. An event that a state does
not name changes nothing: what comes in late, from before the last change, is no evidence any more.
"""

from enum import Enum

from msgspec import Struct

from headworks.units import SECOND_NS

SLOTS = 10


class State(Enum):
    """Whether calls go through: all, none until a time, or one at a time to see whether it is well again."""

    CLOSED = "closed"
    BENCHED = "benched"
    OPEN = "open"
    HALF_OPEN = "half_open"


_CLOSED, _HALF_OPEN = State.CLOSED, State.HALF_OPEN  # a member looked up on its class costs 0.1 µs


class Event(Enum):
    """What can happen to a breaker."""

    TRIPPED = "tripped"
    """Too many calls failed or were slow."""
    PROBE_FAILED = "probe_failed"
    PROVED = "proved"
    """Enough probes went well."""
    RENEWED = "renewed"
    """What it is about was replaced, or put right, by hand."""
    TOLD_TO_WAIT = "told_to_wait"
    """The other side said when to come back."""


ON_EVENT: dict[State, dict[Event, State]] = {
    State.CLOSED: {Event.TRIPPED: State.OPEN, Event.TOLD_TO_WAIT: State.BENCHED},
    State.BENCHED: {Event.TOLD_TO_WAIT: State.BENCHED, Event.RENEWED: State.CLOSED},
    State.OPEN: {Event.RENEWED: State.CLOSED},
    State.HALF_OPEN: {
        Event.PROBE_FAILED: State.OPEN,
        Event.PROVED: State.CLOSED,
        Event.RENEWED: State.CLOSED,
        Event.TOLD_TO_WAIT: State.BENCHED,
    },
}

ON_TIME: dict[State, State] = {State.BENCHED: State.CLOSED, State.OPEN: State.HALF_OPEN}
"""What a state becomes when its time is over; the others last until an event."""


class BreakerSettings(Struct, frozen=True):
    """When a breaker trips and how long it stays open.

    Shapes: `failed_share` and `slow_share` hold once `least_calls` were seen within `window_s`; `slow_s` None means that
    no answer is too slow. Each time it trips again before it was proved well, it stays open twice as long.
    """

    window_s: float = 30.0
    least_calls: int = 20
    failed_share: float = 0.5
    failed_in_a_row: int = 5
    slow_s: float | None = None
    slow_share: float = 0.9
    open_s: float = 5.0
    longest_open_s: float = 120.0
    longest_bench_s: float = 300.0
    probes: int = 1
    proofs: int = 2


class Window:
    """Calls, failures and slow answers of the last while, in slots of a tenth of it.

    Cost: constant memory; a slot that is over is taken off the sums once.
    """

    __slots__ = ("_at", "_calls", "_failed", "_slot", "_slot_ns", "_slow", "_until_ns", "calls", "failed", "slow")

    def __init__(self, span_ns: int) -> None:
        self._slot_ns = max(1, span_ns // SLOTS)
        self._slot = self._at = 0
        self._until_ns = self._slot_ns
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._calls, self._failed, self._slow = [0] * SLOTS, [0] * SLOTS, [0] * SLOTS
        self.calls = self.failed = self.slow = 0

    def add(self, now_ns: int, *, is_failed: bool, is_slow: bool) -> None:
        """Count one call that has ended."""
        self.add_well(now_ns)
        if is_failed:
            self._failed[self._at] += 1
            self.failed += 1
        if is_slow:
            self._slow[self._at] += 1
            self.slow += 1

    def add_well(self, now_ns: int) -> None:
        """Count one call that went well, as nearly all do."""
        if now_ns >= self._until_ns:
            self._turn(now_ns // self._slot_ns)
        self._calls[self._at] += 1
        self.calls += 1

    def _turn(self, slot: int) -> None:
        for passed in range(max(self._slot + 1, slot - SLOTS + 1), slot + 1):
            at = passed % SLOTS
            self.calls -= self._calls[at]
            self.failed -= self._failed[at]
            self.slow -= self._slow[at]
            self._calls[at] = self._failed[at] = self._slow[at] = 0
        self._slot, self._at = slot, slot % SLOTS
        self._until_ns = (slot + 1) * self._slot_ns


class Breaker:
    """Lets calls through or not. Each one let through holds a pass, and reports with it exactly once.

    Shapes: a pass is a number that names the state it was given in; a report with an older one is not counted.
    Cost: below 1 µs a call while closed.
    Safe under: one thread.
    """

    __slots__ = (
        "_failed_in_a_row", "_pass", "_probing", "_proofs", "_settings", "_slow_ns", "_trips", "_until_ns", "_window",
        "state",
    )  # fmt: skip

    def __init__(self, settings: BreakerSettings) -> None:
        self.state = State.CLOSED
        self._settings = settings
        self._slow_ns = None if settings.slow_s is None else int(settings.slow_s * SECOND_NS)
        self._window = Window(int(settings.window_s * SECOND_NS))
        self._pass = 0
        self._until_ns = 0
        self._trips = 0
        self._failed_in_a_row = self._probing = self._proofs = 0

    def admit(self, now_ns: int) -> int | None:
        """A pass for one call; None while none may go."""
        if self.state is _CLOSED:
            return self._pass
        self._let_time_pass(now_ns)
        if self.state is _HALF_OPEN and self._probing < self._settings.probes:
            self._probing += 1
            return self._pass
        return self._pass if self.state is _CLOSED else None

    def wait_ns(self, now_ns: int) -> int:
        """How long until `admit` may give a pass; 0 when it may now."""
        if self.state in ON_TIME:
            return max(0, self._until_ns - now_ns)
        return 0

    def well(self, given: int, took_ns: int, now_ns: int) -> None:
        """The call was answered after so long."""
        if given != self._pass:
            return
        is_slow = self._slow_ns is not None and took_ns > self._slow_ns
        if self.state is _HALF_OPEN:
            self._probed(now_ns, is_well=not is_slow)
            return
        self._failed_in_a_row = 0
        if not is_slow:
            self._window.add_well(now_ns)
            return
        self._window.add(now_ns, is_failed=False, is_slow=True)
        self._weigh(now_ns)

    def failed(self, given: int, now_ns: int) -> None:
        """The call failed in a way that tells something about the other side."""
        if given != self._pass:
            return
        if self.state is State.HALF_OPEN:
            self._probed(now_ns, is_well=False)
            return
        self._failed_in_a_row += 1
        self._window.add(now_ns, is_failed=True, is_slow=False)
        self._weigh(now_ns)

    def told_to_wait(self, given: int, wait_s: float, now_ns: int) -> None:
        """The other side asked not to be called for so long; of several, the latest end holds."""
        self.untold(given)
        told_s = min(wait_s, self._settings.longest_bench_s) if wait_s > 0 else 0.0
        until_ns = now_ns + int(told_s * SECOND_NS)
        if self.state is State.BENCHED and until_ns <= self._until_ns:
            return
        self._happens(Event.TOLD_TO_WAIT, until_ns)

    def renew(self) -> None:
        """Forget that it is set aside, and how often it was."""
        self._trips = 0
        self._happens(Event.RENEWED)

    def untold(self, given: int) -> None:
        """The call ended without evidence: its caller went away, say."""
        if given == self._pass and self.state is State.HALF_OPEN:
            self._probing -= 1

    def _probed(self, now_ns: int, *, is_well: bool) -> None:
        self._probing -= 1
        if not is_well:
            self._happens(Event.PROBE_FAILED, self._reopened_until_ns(now_ns))
            return
        self._proofs += 1
        if self._proofs >= self._settings.proofs:
            self._trips = 0
            self._happens(Event.PROVED)

    def _weigh(self, now_ns: int) -> None:
        """Trip when the evidence is enough."""
        settings, window = self._settings, self._window
        is_bad = self._failed_in_a_row >= settings.failed_in_a_row or (
            window.calls >= settings.least_calls
            and (
                window.failed >= settings.failed_share * window.calls
                or (self._slow_ns is not None and window.slow >= settings.slow_share * window.calls)
            )
        )
        if is_bad:
            self._happens(Event.TRIPPED, self._reopened_until_ns(now_ns))

    def _reopened_until_ns(self, now_ns: int) -> int:
        settings = self._settings
        open_s = min(settings.open_s * 2 ** min(self._trips, 16), settings.longest_open_s)
        self._trips += 1
        return now_ns + int(open_s * SECOND_NS)

    def _happens(self, event: Event, until_ns: int = 0) -> None:
        following = ON_EVENT[self.state].get(event)
        if following is not None:
            self._become(following, until_ns)

    def _let_time_pass(self, now_ns: int) -> None:
        following = ON_TIME.get(self.state)
        if following is not None and now_ns >= self._until_ns:
            self._become(following, 0)

    def _become(self, state: State, until_ns: int) -> None:
        self.state = state
        self._until_ns = until_ns
        self._pass += 1
        self._failed_in_a_row = self._probing = self._proofs = 0
        if state is not State.BENCHED:
            self._window.clear()
