"""What all connections of one listener share: the application, the bounds, the counts, and the sweep that ends the slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from headworks.edge.answer import standing_fields
from headworks.edge.app_port import App
from headworks.edge.forwarded import Proxies, is_loopback
from headworks.edge.head import Head, Heads
from headworks.edge.limits import Bind
from headworks.edge.phase import EVERY_STATE, allowed_ns
from headworks.edge.rounds import CROWD, HELD_AT_ONCE, Rounds, Scheduler, Wait
from headworks.errors import Overloaded
from headworks.units import Clock, http_date

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_ANY_ADDRESS = ("0.0.0.0", "::", "")


class Live(Protocol):
    """A connection as the sweep and the drain see it."""

    @property
    def state(self) -> str:
        """What it is counted as; see phase.EVERY_STATE."""

    def expire(self, now_ns: int) -> None:
        """End what has taken too long."""

    def wind_down(self) -> None:
        """Finish what runs, take nothing new, close."""

    def abort(self) -> None:
        """Close now, whatever runs."""


class Gate:
    """The one place where connections are counted; nothing here is per request.

    Safe under: one thread, the loop's.
    """

    __slots__ = (
        "_on_empty", "_peers", "allowed_ns", "app", "buffered_bytes", "clock", "head_memory", "heads", "is_draining", "limits", "live", "now_ns",
        "origins", "plain_fields", "proxies", "refused", "rounds", "secure_fields",
    )  # fmt: skip

    def __init__(self, app: App, bind: Bind, clock: Clock, scheduler: Scheduler | None = None) -> None:
        self.app = app
        self.clock = clock
        self.limits = app.limits
        self.allowed_ns = allowed_ns(app.limits)
        self.heads = Heads(app.limits, served_hosts(bind))
        self.head_memory: dict[bytes, Head] = {}
        self.proxies = Proxies(bind.proxies)
        self.origins = frozenset(bind.origins)
        self.live: set[Live] = set()
        self.buffered_bytes = 0
        self.refused = 0
        """Connections that were one too many."""
        self.is_draining = False
        self._peers: dict[str, int] = {}
        self._on_empty: Callable[[], None] | None = None
        self.rounds = Rounds(scheduler, clock.monotonic_ns)
        self.sweep()

    def enter(self, connection: Live, peer: str) -> None:
        """Count one more connection, also when it is refused: it stays one until `leave`.

        Raises: Overloaded, when there are too many in all or from this address.
        """
        self.live.add(connection)
        count = self._peers[peer] = self._peers.get(peer, 0) + 1
        if len(self.live) > self.limits.max_connections:
            self.refused += 1
            raise Overloaded("Too many connections", retry_after_s=1)
        if count > self.limits.max_connections_per_peer and not (is_loopback(peer) or self.proxies.has(peer)):
            self.refused += 1
            raise Overloaded("Too many connections from this address", retry_after_s=1)

    def leave(self, connection: Live, peer: str) -> None:
        """Count one connection less."""
        self.live.discard(connection)
        count = self._peers.pop(peer, 1) - 1
        if count > 0:
            self._peers[peer] = count
        if not self.live and self._on_empty is not None:
            self._on_empty()

    def census(self) -> dict[str, int]:
        """How many connections are in each state."""
        counts = dict.fromkeys(EVERY_STATE, 0)
        for connection in self.live:
            counts[connection.state] += 1
        return counts

    @property
    def most(self) -> int:
        """How many connections may be open."""
        return self.limits.max_connections

    @property
    def held(self) -> int:
        """How many connections are not read for a while, after a call of theirs was refused for load."""
        return self.rounds.held

    def wait(self, transport: asyncio.Transport, now_ns: int, *, is_unsure: bool) -> Wait:
        """The wait in the loop of a request that is read now."""
        wait = self.rounds.wait(transport, now_ns, is_unsure=is_unsure)
        return wait if self._is_crowd() else Wait(wait.unread_ns, 0)

    def hold(self, transport: asyncio.Transport) -> bool:
        """Do not read a refused connection for a while, if enough others are read; whether that is so."""
        rounds = self.rounds
        is_held = self._is_crowd() and rounds.held_now < (len(self.live) - rounds.held) // HELD_AT_ONCE
        if is_held:
            rounds.hold(transport)
        return is_held

    def _is_crowd(self) -> bool:
        return len(self.live) - self.rounds.held > CROWD

    def change(self, before: Live, after: Live) -> None:
        """Let another protocol take over a connection."""
        self.live.discard(before)
        self.live.add(after)

    def sweep(self) -> None:
        """Look at every connection once; the sweep interval is the grain of every edge deadline."""
        self.now_ns = self.clock.monotonic_ns()
        date = http_date(self.clock.wall_ns())
        self.plain_fields = standing_fields(date, is_secure=False)
        self.secure_fields = standing_fields(date, is_secure=True)
        for connection in tuple(self.live):
            connection.expire(self.now_ns)

    async def drained(self, timeout_s: float) -> None:
        """Wind every connection down; those that still run after the time are aborted."""
        self.is_draining = True
        loop = asyncio.get_running_loop()
        empty = asyncio.Event()
        self._on_empty = empty.set
        for connection in tuple(self.live):
            connection.wind_down()
        if not self.live:
            return
        abort = loop.call_later(timeout_s, self.abort_all)
        await empty.wait()
        abort.cancel()

    def abort_all(self) -> None:
        """Close every connection now."""
        for connection in tuple(self.live):
            connection.abort()


def served_hosts(bind: Bind) -> tuple[str, ...]:
    """The names a Host header may say: the configured ones, else loopback and the bind address."""
    if bind.hosts:
        return bind.hosts
    if bind.host in _ANY_ADDRESS:
        return LOOPBACK_HOSTS
    return (*LOOPBACK_HOSTS, f"[{bind.host}]" if ":" in bind.host else bind.host)
