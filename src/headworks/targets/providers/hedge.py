"""When a second copy of a slow call is sent: after what nearly all calls take, and for a bounded share of them.

No I/O and no clock. What a second copy costs is reserved on its own, like any attempt.
"""

from collections import deque

from msgspec import Struct

from headworks.units import MILLISECOND_NS

KEPT = 256
SORTED_EVERY = 16


class HedgePolicy(Struct, frozen=True):
    """How slow a call must be, and how many may be sent twice.

    Shapes: `share` is of all calls, at most 0.5; `burst` how many hedges may come at once after a quiet time.
    """

    share: float = 0.05
    slower_than: float = 0.95
    least_delay_ms: float = 20.0
    least_seen: int = 20
    burst: float = 3.0


class Hedging:
    """Decides for one target when a call is sent a second time.

    Shapes: keeps the last 256 latencies.
    Safe under: one thread.
    """

    __slots__ = ("_credit", "_delay_ns", "_latencies", "_policy", "_unsorted", "sent")

    def __init__(self, policy: HedgePolicy) -> None:
        self._policy = policy
        self._latencies: deque[int] = deque(maxlen=KEPT)
        self._unsorted = 0
        self._delay_ns: int | None = None
        self._credit = 0.0
        self.sent = 0
        """How many second copies were sent."""

    def began(self) -> int | None:
        """One more call begins: after how many nanoseconds its second copy may go; None while too little is known."""
        self._credit = min(self._credit + min(self._policy.share, 0.5), self._policy.burst)
        return self._delay_ns

    def take(self) -> bool:
        """Whether a second copy may be sent now; if so, it is taken from the share."""
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        self.sent += 1
        return True

    def observe(self, latency_ns: int) -> None:
        """Take in what one copy of a call took."""
        self._latencies.append(latency_ns)
        self._unsorted += 1
        if len(self._latencies) < self._policy.least_seen:
            return
        if self._delay_ns is None or self._unsorted >= SORTED_EVERY:
            self._unsorted = 0
            ranked = sorted(self._latencies)
            place = min(int(len(ranked) * self._policy.slower_than), len(ranked) - 1)
            self._delay_ns = max(ranked[place], int(self._policy.least_delay_ms * MILLISECOND_NS))
