"""How long a request waited unread, in a crowd, and how long its answer will; and what becomes of connections refused for it.

A crowd of ready connections is read in one round of the loop. What is read late in a long round has waited that
long, and on average half of the round before it; what may have stood there longer, as a connection's first request or
the first after it was held, is asked of the kernel. When the call has run, its record is handed over at the end of a round and its
answer written in the next. Both are part of a call's wait; so the edge refuses a call for them before anything is
spent on it. Even that costs: so a refused connection is not read for most of the time its Retry-After names. What
then stands there already has waited for as long as it stood.
"""

import sys
from asyncio import Transport
from collections.abc import Callable
from functools import partial
from socket import IPPROTO_TCP
from typing import NamedTuple, Protocol

from headworks.units import MILLISECOND_NS

CROWD = 128
"""With fewer connections to read a round is short: nothing is measured."""
SHORT_NS = 10_000_000
"""A shorter wait is not worth a question."""
LATER_ROUNDS = 2
"""The rounds an answer takes: until its record goes to the writer, and until it comes back from there."""
MOST_SPENT = 0.5
"""The part of a deadline that may go by in the loop; the rest is for the model and for what was foreseen wrongly."""
AT_ONCE_NS = 1_000_000
"""A round that follows the last one at once goes on where that one ended."""
HOLD_S = 2.0
"""Retry-After of such a refusal, and how long its connection is not read, at most."""
HELD_AT_ONCE = 4
"""One in so many of the connections that are read may be held in one round: else a stall would silence them all."""
SPREAD = 64
"""Connections are held for half of that time to all of it, so that those refused together do not come back together."""
_TCP_INFO = 11
_LAST_DATA_RECEIVED = slice(52, 56)
"""Where `tcpi_last_data_recv` stands in Linux's `struct tcp_info`: milliseconds since bytes came. Source: linux/tcp.h."""


class Wait(NamedTuple):
    """A request's wait in the loop: unread so far, and for its answer by the loop's present pace."""

    unread_ns: int
    ahead_ns: int


NO_WAIT = Wait(0, 0)


class Scheduler(Protocol):
    """The part of an event loop that calls back."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call in the loop's next round."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> object:
        """Call after so many seconds."""


class Rounds:
    """Waits of the present round.

    Cost: one callback a round. Safe under: one thread, the loop's.
    """

    __slots__ = ("_began_ns", "_closed_ns", "_is_open", "_last_ns", "_now_ns", "_scheduler", "held", "held_now")

    def __init__(self, scheduler: Scheduler | None, now_ns: Callable[[], int]) -> None:
        self._scheduler = scheduler
        self._now_ns = now_ns
        self._began_ns = self._closed_ns = self._last_ns = 0
        self._is_open = False
        self.held = 0
        """Connections that are not read now."""
        self.held_now = 0
        """Those of them that are held since this round."""

    def wait(self, transport: Transport, now_ns: int, *, is_unsure: bool) -> Wait:
        """The wait of the request that is read now; none where nobody schedules rounds for us.

        `is_unsure`: it may have stood there for long, however short the rounds are.
        """
        scheduler = self._scheduler
        if scheduler is None:
            return NO_WAIT
        if not self._is_open:
            self._is_open = True
            self.held_now = 0
            is_at_once = now_ns - self._closed_ns < AT_ONCE_NS
            self._last_ns = self._closed_ns - self._began_ns if is_at_once else 0
            self._began_ns = now_ns
            scheduler.call_soon(self._close)
        age_ns = now_ns - self._began_ns
        ahead_ns = LATER_ROUNDS * max(self._last_ns, age_ns)
        if is_unsure:
            return Wait(unread_ns(transport), ahead_ns)
        return Wait(age_ns + self._last_ns // 2, ahead_ns) if ahead_ns >= SHORT_NS else NO_WAIT

    def hold(self, transport: Transport) -> None:
        """Do not read a refused connection for a while."""
        if self._scheduler is not None and not transport.is_closing():
            self.held += 1
            self.held_now += 1
            transport.pause_reading()
            hold_s = HOLD_S * (1 - self.held % SPREAD / (2 * SPREAD))
            self._scheduler.call_later(hold_s, partial(self._read_again, transport))

    def _read_again(self, transport: Transport) -> None:
        self.held -= 1
        if not transport.is_closing():
            transport.resume_reading()

    def _close(self) -> None:
        self._is_open = False
        self._closed_ns = self._now_ns()


def unread_ns(transport: Transport) -> int:
    """How long ago the kernel received what is read now, to the millisecond; 0 where it does not say."""
    sock = transport.get_extra_info("socket")
    try:
        told: bytes = sock.getsockopt(IPPROTO_TCP, _TCP_INFO, _LAST_DATA_RECEIVED.stop)
    except (AttributeError, OSError):
        return 0
    return int.from_bytes(told[_LAST_DATA_RECEIVED], sys.byteorder) * MILLISECOND_NS


def is_too_late(wait: Wait, patience_ns: int) -> bool:
    """Whether a call that waits so long in the loop would likely miss its deadline."""
    return wait.unread_ns + wait.ahead_ns > patience_ns * MOST_SPENT
