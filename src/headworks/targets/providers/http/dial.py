"""Making connections: name to addresses, each tried in turn, a proxy's tunnel, TLS. Not on the path of a call."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from msgspec import Struct

from headworks.errors import HeadworksError, ProviderBroken, ProviderUnreachable
from headworks.targets.providers.http.connection import Connection
from headworks.targets.providers.http.head import Heads
from headworks.targets.providers.http.settings import Proxy
from headworks.targets.providers.http.tls import ALPN
from headworks.targets.providers.wire import Origin

_MOST_PROXY_HEAD_BYTES = 16 * 2**10
_MOST_PROXY_FIELDS = 100


class Route(Struct, frozen=True):
    """The way to an origin."""

    origin: Origin
    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None


async def dial(loop: asyncio.AbstractEventLoop, route: Route, make: Callable[[], Connection]) -> Connection:
    """A new connection, secure where the origin is; who waits for it bounds the time by cancelling.

    Raises: ProviderUnreachable.
    """
    try:
        return await _dialled(loop, route, make)
    except HeadworksError:
        raise
    except ssl.SSLCertVerificationError as error:
        reason = f"the origin's certificate is refused: OpenSSL verification error {error.verify_code}"
    except ssl.SSLError as error:
        reason = f"no TLS connection came about: {error.reason or type(error).__name__}"
    except (OSError, UnicodeError) as error:
        reason = f"no connection came about: {type(error).__name__} {getattr(error, 'errno', None)}"
    raise ProviderUnreachable(reason=reason)


async def _dialled(loop: asyncio.AbstractEventLoop, route: Route, make: Callable[[], Connection]) -> Connection:
    origin, proxy = route.origin, route.proxy
    name = origin.host.strip("[]")
    if proxy is not None and route.tls is not None:
        secured, connection = await _through(loop, origin, proxy, (make(), route.tls))
    else:
        host, port = (name, origin.port) if proxy is None else (proxy.host, proxy.port)
        secured, connection = await loop.create_connection(
            make, host, port, ssl=route.tls, server_hostname=name if route.tls is not None else None
        )
    _check_protocol(secured)
    return connection


async def _through(
    loop: asyncio.AbstractEventLoop, origin: Origin, proxy: Proxy, inner: tuple[Connection, ssl.SSLContext]
) -> tuple[asyncio.BaseTransport, Connection]:
    """A connection to the origin inside a tunnel that the proxy makes."""
    connection, tls = inner
    transport, tunnel = await loop.create_connection(lambda: _Tunnel(loop, origin, proxy), proxy.host, proxy.port)
    secured = None
    try:
        await tunnel.opened
        secured = await loop.start_tls(transport, connection, tls, server_hostname=origin.host.strip("[]"))
    finally:
        if secured is None:
            transport.abort()
    if secured is None:
        raise ProviderUnreachable(reason="the tunnel closed while TLS began")
    connection.connection_made(secured)
    return secured, connection


def _check_protocol(transport: asyncio.BaseTransport) -> None:
    secure = transport.get_extra_info("ssl_object")
    if secure is not None and secure.selected_alpn_protocol() not in {None, ALPN}:
        cast(asyncio.Transport, transport).abort()
        raise ProviderUnreachable(reason="the origin does not speak HTTP/1.1")


class _Tunnel(asyncio.Protocol):
    """Asks a proxy for a tunnel (RFC 9110 section 9.3.6); `opened` is done when there is one."""

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: Origin, proxy: Proxy) -> None:
        self.opened: asyncio.Future[None] = loop.create_future()
        self._origin = origin
        self._proxy = proxy
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        target = f"{self._origin.host}:{self._origin.port}"
        authorization = self._proxy.authorization
        proof = "" if authorization is None else f"proxy-authorization: {authorization.reveal()}\r\n"
        request = f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{proof}\r\n"
        cast(asyncio.Transport, transport).write(request.encode("latin-1"))

    def data_received(self, data: bytes) -> None:
        """Take the answer's head."""
        if self.opened.done():
            return
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if end:
            self._answered(head, rest)
        elif len(head) > _MOST_PROXY_HEAD_BYTES:
            self._refuse("the proxy's answer is too large")

    def eof_received(self) -> None:
        """There will be no answer."""
        self._refuse("the proxy closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """There will be no answer."""
        self._refuse("the proxy closed the connection")

    def _answered(self, raw: bytes, rest: bytes) -> None:
        try:
            head = Heads(_MOST_PROXY_FIELDS).read(raw, is_bodiless=True)
        except ProviderBroken:
            self._refuse("the proxy does not answer in HTTP/1.1")
            return
        if not 200 <= head.status < 300:
            self._refuse(f"the proxy refused the tunnel with status {head.status}")
        elif rest:
            self._refuse("the proxy sent bytes before the tunnel began")
        else:
            self.opened.set_result(None)

    def _refuse(self, reason: str) -> None:
        if not self.opened.done():
            self.opened.set_exception(ProviderUnreachable(reason=reason))
