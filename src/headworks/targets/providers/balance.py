"""How loaded a target is, to compare it with its equals; see request/choose.py for who is asked.

Source: peak EWMA after Twitter's Finagle. No clock of its own.
"""

from math import exp

from headworks.units import SECOND_NS

DECAY_NS = 10 * SECOND_NS
UNKNOWN_NS = 1.0
UNPROVEN_NS = 10.0 * SECOND_NS


class PeakLoad:
    """How loaded a target is: its latency of late, times what it has in hand.

    A slower answer counts at once, quicker ones are believed little by little; with no answers the figure fades, so
    that a target which was slow once is tried again.

    Units: `latency_ns` as observed: for a stream the time to its first content.
    Safe under: one thread.
    """

    __slots__ = ("_at_ns", "_latency_ns", "in_flight")

    def __init__(self) -> None:
        self._latency_ns = 0.0
        self._at_ns = 0
        self.in_flight = 0

    def begin(self) -> None:
        """One more call is in hand."""
        self.in_flight += 1

    def end(self) -> None:
        """One call less."""
        self.in_flight -= 1

    def observe(self, latency_ns: int, now_ns: int) -> None:
        """Take in what one call took; a failed one tells nothing good and is not observed."""
        kept = exp(-max(0, now_ns - self._at_ns) / DECAY_NS)
        if latency_ns >= self._latency_ns * kept:
            self._latency_ns = float(latency_ns)
        else:
            self._latency_ns = self._latency_ns * kept + latency_ns * (1 - kept)
        self._at_ns = now_ns

    def cost(self, now_ns: int) -> float:
        """What asking it now would cost, to compare with others.

        One of which nothing is known costs next to nothing, so that it is asked, but not while it has not answered.
        """
        latency_ns = self._faded_ns(now_ns)
        if latency_ns < UNKNOWN_NS:
            return UNPROVEN_NS * self.in_flight if self.in_flight else UNKNOWN_NS
        return latency_ns * (self.in_flight + 1)

    def _faded_ns(self, now_ns: int) -> float:
        return self._latency_ns * exp(-max(0, now_ns - self._at_ns) / DECAY_NS)
