"""How long a request waited unread, in a crowd; and what becomes of connections whose request was refused for it.

A crowd of ready connections is read in one round of the loop. What is read late in a long round has waited that
long, and perhaps all of the round before it, which is part of a call's wait; so the edge refuses a call for it before anything is spent on
it. Even that costs: so a refused connection is not read again before the time its Retry-After names. What then
stands there already has waited at least that long.
"""

from asyncio import Transport
from collections.abc import Callable
from functools import partial
from typing import Protocol

from headworks.units import SECOND_NS

CROWD = 128
"""With fewer connections a round is short, and nothing is measured."""
SHORT_NS = 10_000_000
"""A shorter wait is not worth a question."""
SHARE = 2
"""A call may wait one such part of its deadline unread; the rest is for the queue and the model."""
AT_ONCE_NS = 1_000_000
"""A round that follows the last one at once reads what came while that one ran."""
HOLD_S = 2.0
"""Retry-After of such a refusal, and how long its connection is not read."""
FRESH_NS = 250_000_000
"""What comes later than this after a connection is read again was sent after it."""
MOST_REMEMBERED = 8192


class Scheduler(Protocol):
    """The part of an event loop that calls back."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call in the loop's next round."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> object:
        """Call after so many seconds."""


class Rounds:
    """Waits of the present round.

    Cost: one callback a round and one a refusal, and only in a crowd. Safe under: one thread, the loop's.
    """

    __slots__ = ("_began_ns", "_closed_ns", "_is_open", "_now_ns", "_read_again_ns", "_scheduler", "_since_ns")

    def __init__(self, scheduler: Scheduler | None, now_ns: Callable[[], int]) -> None:
        self._scheduler = scheduler
        self._now_ns = now_ns
        self._began_ns = self._closed_ns = self._since_ns = 0
        self._is_open = False
        self._read_again_ns: dict[Transport, int] = {}

    def waited_ns(self, transport: Transport, now_ns: int) -> int:
        """How long, at least, the request that is read now has waited; 0 where nobody schedules rounds for us."""
        read_again_ns = self._read_again_ns.pop(transport, 0) if self._read_again_ns else 0
        if read_again_ns and now_ns - read_again_ns < FRESH_NS:
            return int(HOLD_S * SECOND_NS)
        if not self._is_open and self._scheduler is not None:
            self._is_open = True
            self._since_ns = self._began_ns if now_ns - self._closed_ns < AT_ONCE_NS else now_ns
            self._began_ns = now_ns
            self._scheduler.call_soon(self._close)
        return now_ns - self._since_ns if self._is_open else 0

    def hold(self, transport: Transport) -> None:
        """Do not read a refused connection for a while."""
        if self._scheduler is not None and not transport.is_closing():
            transport.pause_reading()
            self._scheduler.call_later(HOLD_S, partial(self._read_again, transport))

    def _read_again(self, transport: Transport) -> None:
        if transport.is_closing():
            return
        if len(self._read_again_ns) >= MOST_REMEMBERED:
            self._read_again_ns.clear()
        self._read_again_ns[transport] = self._now_ns()
        transport.resume_reading()

    def _close(self) -> None:
        self._is_open = False
        self._closed_ns = self._now_ns()


def is_too_late(waited_ns: int, patience_ns: int) -> bool:
    """Whether a call that waited so long unread would likely miss its deadline."""
    return waited_ns * SHARE > patience_ns
