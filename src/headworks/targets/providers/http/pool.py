"""The connections of one origin, and who waits for one: bounded, in order, held against the clock by a sweep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headworks.errors import HeadworksError, Internal, ProviderBusy, ProviderDown, ProviderUnreachable
from headworks.targets.providers.http.connection import Connection
from headworks.targets.providers.http.exchange import DIALING, SENT, WAITING, Exchange
from headworks.targets.providers.http.head import Heads
from headworks.targets.providers.http.outgoing import Outgoing
from headworks.targets.providers.http.settings import ClientSettings, Upstream
from headworks.targets.providers.http.turns import Turns
from headworks.units import SECOND_NS, Clock

MOST_SPARE = 16
"""How many connections may stand ready, or be on their way, before one that was closed for a cancelled call is made anew."""
Dial = Callable[[Callable[[], Connection]], Awaitable[Connection]]


class Surroundings:
    """What all pools of a client share."""

    __slots__ = ("clock", "heads", "loop", "settings", "turns")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, settings: ClientSettings) -> None:
        self.loop = loop
        self.clock = clock
        self.settings = settings
        self.heads = Heads(settings.max_fields)
        self.turns = Turns(loop)


class Pool:
    """See the module. A connection that is being made belongs to an exchange, but whoever waits first gets it.

    One that a cancelled call took with it is made anew, so that the next call does not wait for a handshake.
    """

    __slots__ = (
        "_connections", "_dial", "_dials", "_idle", "_is_closed", "_is_retired", "_loop", "_turns", "_waiting", "clock",
        "heads", "outgoing", "settings", "upstream",
    )  # fmt: skip

    def __init__(self, shared: Surroundings, outgoing: Outgoing, upstream: Upstream, dial: Dial) -> None:
        self._loop = shared.loop
        self._turns = shared.turns
        self.clock = shared.clock
        self.heads = shared.heads
        self.settings = shared.settings
        self.outgoing = outgoing
        self.upstream = upstream
        self._dial = dial
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        self._waiting: dict[Exchange, None] = {}
        self._dials: dict[Exchange, tuple[asyncio.Task[Connection], float]] = {}
        self._is_closed = self._is_retired = False

    @property
    def is_in_use(self) -> bool:
        """Whether anything waits, is being made or stands."""
        return bool(self._waiting or self._dials or self._connections)

    @property
    def is_open(self) -> bool:
        """Whether any connection stands."""
        return bool(self._connections)

    def counts(self) -> tuple[int, int, int]:
        """How many connections stand or are being made, how many of them are idle, how many exchanges wait for one."""
        return len(self._connections) + len(self._dials), len(self._idle), len(self._waiting)

    def start(self, exchange: Exchange) -> None:
        """Send it on a free connection, the one used last; else it waits, and a connection is made if one more may be."""
        now_ns = self.clock.monotonic_ns()
        exchange.line = self
        if now_ns >= exchange.end_ns:
            exchange.fail(exchange.overdue(now_ns))
            return
        idle = self._idle
        while idle:
            connection = idle.popitem()[0]
            if connection.is_usable(now_ns):
                connection.carry(exchange)
                return
            connection.abort()
        if self._is_closed:
            exchange.fail(ProviderUnreachable(reason="the client is closed"))
        elif self._has_room():
            self._waiting[exchange] = None
            if len(self._dials) < len(self._waiting):
                self._make_one(exchange, now_ns)
            else:  # one is being made for nobody
                exchange.allow(DIALING, now_ns, exchange.timeouts.connect_s)
        elif len(self._waiting) >= self.upstream.max_waiting:
            exchange.fail(ProviderBusy(reason="too many calls wait for a connection to the provider"))
        else:
            self._waiting[exchange] = None
            exchange.allow(WAITING, now_ns, self.upstream.queue_wait_s)

    def sweep(self, now_ns: int) -> bool:
        """End what has taken too long; whether anything is still under way."""
        overdue: list[Exchange] = [exchange for exchange in self._waiting if now_ns >= exchange.due_ns]
        stale_from_ns = now_ns - self.upstream.keep_alive_s * SECOND_NS
        stale: list[Connection] = []
        for connection in self._connections:
            exchange = connection.exchange
            if exchange is None:
                if connection.idle_since_ns < stale_from_ns:
                    stale.append(connection)
            elif now_ns >= exchange.due_ns and not _still_sends(exchange, connection, now_ns):
                overdue.append(exchange)
        for connection in stale:
            connection.abort()
        for exchange in overdue:
            exchange.fail(exchange.overdue(now_ns))
        for task, due_ns in list(self._dials.values()):
            if now_ns >= due_ns:
                task.cancel()
        return bool(self._waiting or self._dials or len(self._connections) > len(self._idle))

    def retire(self) -> None:
        """Nothing new will come: what is under way ends, and no connection outlives it."""
        self._is_retired = True
        for connection in list(self._idle):
            connection.abort()

    def resume(self) -> None:
        """It is sent to again; without effect on one that was not retired."""
        self._is_retired = False

    def close(self) -> None:
        """End everything: what waits was never sent, what was sent has no answer."""
        self._is_closed = True
        for exchange in list(self._waiting):
            exchange.fail(ProviderUnreachable(reason="the client is closed"))
        for task, _ in list(self._dials.values()):
            task.cancel()
        for connection in list(self._connections):
            if connection.exchange is not None:
                connection.exchange.fail(ProviderDown(reason="the client is closed"))
            else:
                connection.abort()

    # What connections call.

    def opened(self, connection: Connection) -> None:
        """Count it."""
        connection.idle_since_ns = self.clock.monotonic_ns()
        self._connections.add(connection)

    def give_back(self, connection: Connection) -> None:
        """Who waits first, and has time left, gets it."""
        now_ns = self.clock.monotonic_ns()
        waiting = self._waiting
        while waiting:
            exchange = next(iter(waiting))
            del waiting[exchange]
            if now_ns < exchange.due_ns:
                connection.carry(exchange)
                return
            exchange.fail(exchange.overdue(now_ns))
        if self._is_retired:
            connection.abort()
            return
        connection.idle_since_ns = now_ns
        self._idle[connection] = None

    def lost(self, connection: Connection) -> None:
        """Its place is free: for the first who waits and has no connection being made."""
        if connection in self._connections:
            self._connections.discard(connection)
            self._idle.pop(connection, None)
            self._make_more()

    def replace(self, given_up: Exchange) -> None:
        """Make another for whoever comes next, while few stand ready: to wait for a handshake is what cancelling would cost."""
        ready = len(self._idle) + len(self._dials) - len(self._waiting)
        if self._is_closed or self._is_retired or ready >= MOST_SPARE or not self._has_room():
            return
        if given_up not in self._dials:  # else its own is still being made: it went by another
            self._begin_dial(given_up, self.clock.monotonic_ns())

    # What a waiting exchange calls.

    def drop(self, exchange: Exchange) -> None:
        """It waits no more; a connection that is being made for nobody is not made."""
        self._waiting.pop(exchange, None)
        made = self._dials.get(exchange)
        if made is not None and len(self._dials) > len(self._waiting):
            made[0].cancel()

    def leave(self, exchange: Exchange) -> None:
        """As `drop`: no connection carried it."""
        self.drop(exchange)

    def hold(self) -> None:
        """Nothing is read for who waits."""

    def go_on(self) -> None:
        """Nothing is read for who waits."""

    # Making connections.

    def _has_room(self) -> bool:
        return len(self._connections) + len(self._dials) < self.upstream.max_connections

    def _make_one(self, exchange: Exchange, now_ns: int) -> None:
        exchange.allow(DIALING, now_ns, exchange.timeouts.connect_s)
        self._begin_dial(exchange, now_ns)

    def _begin_dial(self, exchange: Exchange, now_ns: int) -> None:
        task = self._loop.create_task(self._made())
        self._dials[exchange] = task, now_ns + exchange.timeouts.connect_s * SECOND_NS
        task.add_done_callback(lambda task: self._dialled(exchange, task))

    async def _made(self) -> Connection:
        connection = Connection(self)
        is_made = False
        try:
            await self._turns.mine()
            made = await self._dial(lambda: connection)
            is_made = True
            return made
        finally:
            if not is_made and connection in self._connections:  # given up just as it stood: nobody else will close it
                connection.abort()

    def _dialled(self, exchange: Exchange, task: asyncio.Task[Connection]) -> None:
        del self._dials[exchange]
        error = _error_of(task)
        connection = None if error is not None else task.result()
        if connection is not None and self._is_closed:
            connection.abort()
        elif connection is not None and connection in self._connections:
            self.give_back(connection)
        elif exchange in self._waiting:
            exchange.fail(error or ProviderUnreachable(reason="the origin closed a connection as it was made"))
        if exchange in self._waiting:
            exchange.allow(WAITING, self.clock.monotonic_ns(), self.upstream.queue_wait_s)
        self._make_more()

    def _make_more(self) -> None:
        if self._is_closed or not self._has_room():
            return
        for exchange in self._waiting:
            if exchange not in self._dials:
                self._make_one(exchange, self.clock.monotonic_ns())
                return


def _still_sends(exchange: Exchange, connection: Connection, now_ns: int) -> bool:
    """Whether the origin has read some more of a long request; its time to answer counts from the end of that."""
    unsent_bytes = connection.unsent_bytes()
    if exchange.phase is not SENT or unsent_bytes in {0, exchange.unsent_bytes} or now_ns >= exchange.end_ns:
        return False
    exchange.unsent_bytes = unsent_bytes
    exchange.allow(SENT, now_ns, exchange.timeouts.first_byte_s)
    return True


def _error_of(task: asyncio.Task[Connection]) -> HeadworksError | None:
    if task.cancelled():
        return ProviderUnreachable(reason="no connection came about in time")
    error = task.exception()
    if error is None or isinstance(error, HeadworksError):
        return error
    return Internal(reason=f"making a connection failed: {type(error).__name__}")
