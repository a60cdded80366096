"""The only HTTP client: HTTP/1.1 on the running loop, one asyncio protocol a connection, no task and no timer a call.

It connects to the origins it was told of and to nothing else; redirects are answers like any other. A connection is
used again only after the exact end of an answer, and a request is sent again by nobody here once a byte of it was sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from msgspec import structs

from headworks.errors import ConfigurationRefused, FieldError, Internal
from headworks.pending import Pending
from headworks.targets.providers.http.dial import Route, dial
from headworks.targets.providers.http.exchange import Exchange, ResponseStream, Streamed, Whole
from headworks.targets.providers.http.outgoing import Outgoing, checked_origin, host_field
from headworks.targets.providers.http.pool import Pool, Surroundings
from headworks.targets.providers.http.settings import ClientSettings, Proxy, Timeouts, Tls, Upstream
from headworks.targets.providers.http.tls import context_of
from headworks.targets.providers.wire import HttpRequest, HttpResponse, Origin
from headworks.units import Clock

__all__ = [
    "Client",
    "ClientSettings",
    "Proxy",
    "ResponseStream",
    "Timeouts",
    "Tls",
    "Upstream",
    "host_field",
]

GRAIN_S = 0.025
"""How late a time-out may be noticed."""
_IDLE_GRAIN_S = 1.0
_USUAL = Tls()
Heard = Callable[[], None] | None


class Client:
    """Sends requests to registered origins.

    A failure is one of: ProviderUnreachable, no byte of the request was sent; ProviderBusy, no connection became free,
    none sent either; ProviderDown, the connection broke or ended without an answer; ProviderBroken, the answer is
    malformed, too large or not whole; ProviderTimeout, one of the attempt's times after sending; DeadlineExceeded, the
    call's own. None carries text of the origin.
    Cost: 10 to 15 µs a call. Safe under: the loop's thread.
    """

    __slots__ = ("_contexts", "_former", "_handle", "_is_closed", "_is_watching", "_named", "_pools", "_shared")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        settings: ClientSettings | None = None,
        origins: Iterable[Origin] = (),
    ) -> None:
        self._shared = Surroundings(loop, clock, settings or ClientSettings())
        self._pools: dict[Origin, Pool] = {}
        self._former: list[Pool] = []
        self._named: frozenset[Origin] = frozenset()
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._is_watching = self._is_closed = False
        for origin in origins:
            self.allow(origin)

    def allow(self, origin: Origin, upstream: Upstream | None = None) -> None:
        """Let requests go to an origin; again with the same settings is without effect.

        With others, whatever comes from now on is connected to in the new way; what is under way ends in the old one.
        Raises: ConfigurationRefused, and nothing changes, when the origin is malformed or a TLS file unusable.
        Cost: the first https origin reads the trusted authorities, some 10 ms.
        """
        upstream = upstream or self._shared.settings.upstream
        standing = self._pools.get(origin)
        if standing is None or not is_same(standing.upstream, upstream):
            self.use({**self._pools, **self.pools({origin: upstream})})

    def pools(self, upstreams: Mapping[Origin, Upstream]) -> Mapping[Origin, Pool]:
        """The connections of these origins, those that stand where nothing changed; `use` begins to send over them.

        TLS files are read anew, since their content may have changed.

        Raises: ConfigurationRefused, and nothing changes, when an origin is malformed or a TLS file unusable.
        """
        self._contexts = {tls: context for tls, context in self._contexts.items() if tls == _USUAL}
        return {
            origin: self._standing(origin, upstream) or self._made(origin, upstream)
            for origin, upstream in upstreams.items()
        }

    def use(self, pools: Mapping[Origin, Pool]) -> None:
        """Send to these origins alone, and over these connections, from now on; what is under way elsewhere ends there.

        An origin that is named no more stays known until the next `use`: a call begun before may yet ask it again.
        """
        before = {*self._pools.values(), *self._former}
        self._pools = {origin: pool for origin, pool in self._pools.items() if origin in self._named} | dict(pools)
        self._named = frozenset(pools)
        serving = set(self._pools.values())
        for pool in serving:
            pool.resume()
        self._former = [pool for pool in before if pool not in serving]
        for pool in self._former:
            pool.retire()

    def send(
        self, origin: Origin, request: HttpRequest, timeouts: Timeouts, deadline_ns: int, on_sent: Heard = None
    ) -> Pending[HttpResponse]:
        """The whole answer, whatever its status; abandoning it closes the connection.

        `on_sent` is told once a connection is there, just before the first byte may leave; else nothing was sent.

        Raises: Internal, at once, for an origin that was not registered or a request that must not be written.
        """
        pool = self._pool(origin)
        shared = self._shared
        exchange = Whole(
            pool.outgoing.write(request), shared.settings, timeouts, shared.clock.monotonic_ns(), deadline_ns
        )
        exchange.on_sent = on_sent
        self._start(pool, exchange)
        return exchange.pending

    def stream(
        self, origin: Origin, request: HttpRequest, timeouts: Timeouts, deadline_ns: int, on_sent: Heard = None
    ) -> Pending[ResponseStream]:
        """The answer as it comes, whatever its status, as soon as its head is here; abandoning it closes the connection.

        `on_sent` and what it raises: as `send`.
        """
        pool = self._pool(origin)
        shared = self._shared
        exchange = Streamed(
            pool.outgoing.write(request), shared.settings, timeouts, shared.clock.monotonic_ns(), deadline_ns
        )
        exchange.on_sent = on_sent
        self._start(pool, exchange)
        return exchange.pending

    def counts(self, origin: Origin) -> tuple[int, int, int]:
        """Of one origin: connections that stand or are being made, idle ones among them, calls that wait for one."""
        return self._pool(origin).counts()

    def close(self) -> None:
        """End everything; what is under way fails."""
        self._is_closed = True
        for pool in self._every():
            pool.close()
        self._stop_watching()

    def _every(self) -> list[Pool]:
        return [*self._pools.values(), *self._former]

    def _pool(self, origin: Origin) -> Pool:
        pool = self._pools.get(origin)
        if pool is None:
            raise Internal(reason="a request was addressed to an origin that is not registered")
        return pool

    def _standing(self, origin: Origin, upstream: Upstream) -> Pool | None:
        pool = self._pools.get(origin)
        is_kept = pool is not None and upstream.tls == _USUAL and is_same(pool.upstream, upstream)
        return pool if is_kept else None

    def _made(self, origin: Origin, upstream: Upstream) -> Pool:
        try:
            checked_origin(origin)
        except ValueError as error:
            part, _, wish = str(error).partition(": ")
            raise ConfigurationRefused("This origin cannot be used", errors=(FieldError(f"/{part}", wish),)) from None
        route = Route(origin, self._context(upstream.tls) if origin.scheme == "https" else None, upstream.proxy)
        return Pool(self._shared, Outgoing(origin, upstream.proxy), upstream, partial(dial, self._shared.loop, route))

    def _context(self, tls: Tls) -> ssl.SSLContext:
        if tls not in self._contexts:
            self._contexts[tls] = context_of(tls)
        return self._contexts[tls]

    def _start(self, pool: Pool, exchange: Exchange) -> None:
        pool.start(exchange)
        if not self._is_watching and not self._is_closed:
            self._watch(GRAIN_S)

    def _watch(self, grain_s: float) -> None:
        self._stop_watching()
        self._is_watching = grain_s == GRAIN_S
        self._handle = self._shared.loop.call_later(grain_s, self._sweep)

    def _stop_watching(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._is_watching = False

    def _sweep(self) -> None:
        """Hold everything under way against the clock: each `GRAIN_S` while there is something, else now and then."""
        self._stop_watching()
        now_ns = self._shared.clock.monotonic_ns()
        is_busy = True  # until the pools say otherwise, even when one of those told of a failure raises
        try:
            is_busy = sum(pool.sweep(now_ns) for pool in self._every()) > 0
            self._former = [pool for pool in self._former if pool.is_in_use]
        finally:
            if not self._is_closed and not self._is_watching:  # who was told of a failure may have sent again
                self._watch_on(is_busy=is_busy)

    def _watch_on(self, *, is_busy: bool) -> None:
        if is_busy or any(pool.is_open for pool in self._every()):
            self._watch(GRAIN_S if is_busy else _IDLE_GRAIN_S)


def is_same(one: Upstream, other: Upstream) -> bool:
    """Whether an origin is connected to in the same way, secrets included."""
    return _shown(one) == _shown(other)


def _shown(upstream: Upstream) -> tuple[object, ...]:
    proxy = upstream.proxy
    if proxy is None or proxy.authorization is None:
        return (upstream,)
    bare = structs.replace(upstream, proxy=structs.replace(proxy, authorization=None))
    return bare, proxy.authorization.reveal()
