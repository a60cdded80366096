"""One connection to an origin: one exchange at a time, reused only after the exact end of an answer."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from typing import Protocol, cast

from headworks.errors import HeadworksError, ProviderBroken, ProviderDown
from headworks.targets.providers.http.body import Framing, ToClose, framing_of
from headworks.targets.providers.http.exchange import ANSWERED, SENT, Exchange
from headworks.targets.providers.http.head import SWITCHING, Head, Heads
from headworks.targets.providers.http.settings import ClientSettings
from headworks.units import MILLISECOND_NS, Clock

_HEAD_END = b"\r\n\r\n"
_MOST_INTERIM_HEADS = 8
_LOOK_AFTER_NS = 10 * MILLISECOND_NS


class Keeper(Protocol):
    """Who owns connections: the pool of their origin."""

    clock: Clock
    heads: Heads
    settings: ClientSettings

    def opened(self, connection: Connection) -> None:
        """It is connected and secure."""

    def give_back(self, connection: Connection) -> None:
        """It is free again."""

    def lost(self, connection: Connection) -> None:
        """It must not be used any more."""

    def replace(self, given_up: Exchange) -> None:
        """A connection was closed only because who waited for its answer went away."""


class Connection(asyncio.Protocol):
    """See the module."""

    __slots__ = (
        "_ahead", "_body_bytes", "_framing", "_head", "_interim_heads", "_is_held", "_keeper", "_transport", "exchange",
        "idle_since_ns",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.exchange: Exchange | None = None
        self.idle_since_ns = 0
        self._ahead = b""
        self._head: Head | None = None
        self._framing: Framing | None = None
        self._body_bytes = 0
        self._interim_heads = 0
        self._is_held = False

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so to the pool."""
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._keeper.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The exchange on it, if any, was sent and has no whole answer."""
        self._keeper.lost(self)
        if self.exchange is not None:
            self.exchange.fail(ProviderDown(reason="the connection broke after the request was sent"))

    def eof_received(self) -> None:
        """The origin sends nothing more: the end of an answer that has no other, else too early or between two."""
        exchange = self.exchange
        self._keeper.lost(self)
        if exchange is None:
            return
        if isinstance(self._framing, ToClose) and self._was_closed_on_purpose():
            self._complete(exchange, is_reusable=False)
        elif self._head is None and not self._ahead:
            exchange.fail(ProviderDown(reason="the provider closed the connection without an answer"))
        else:
            exchange.fail(ProviderBroken(reason="the answer ended before it was whole"))

    def data_received(self, data: bytes) -> None:
        """Read on; bytes nobody asked for close the connection."""
        exchange = self.exchange
        if exchange is None:
            self.abort()
            return
        if self._ahead:
            data = self._ahead + data
            self._ahead = b""
        try:
            if self._framing is None:
                self._read_head(exchange, data)
            else:
                self._read_body(exchange, data, 0)
        except HeadworksError as error:
            exchange.fail(error)

    # What the pool calls.

    def carry(self, exchange: Exchange) -> None:
        """Send a request. From here on it is never sent again."""
        self.exchange = exchange
        exchange.line = self
        if exchange.on_sent is not None:
            exchange.on_sent()
        exchange.allow(SENT, self._keeper.clock.monotonic_ns(), exchange.timeouts.first_byte_s)
        data, exchange.data = exchange.data, b""
        self._transport.write(data)

    def is_usable(self, now_ns: int) -> bool:
        """Whether nothing says that the origin has closed it: after a while idle the socket itself is asked."""
        if self._transport.is_closing():
            return False
        return now_ns - self.idle_since_ns < _LOOK_AFTER_NS or self._is_quiet()

    def unsent_bytes(self) -> int:
        """How much of a request still waits for the origin to read."""
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close now."""
        self._keeper.lost(self)
        self._transport.abort()

    # What an exchange calls.

    def drop(self, exchange: Exchange) -> None:
        """The exchange ended before its answer did: the connection cannot be used for another."""
        if self.exchange is exchange:
            self.exchange = None
            self.abort()

    def leave(self, exchange: Exchange) -> None:
        """The same, and another may be made in its place."""
        if self.exchange is exchange:
            self.drop(exchange)
            self._keeper.replace(exchange)

    def hold(self) -> None:
        """Read no more for now."""
        self._is_held = True
        self._transport.pause_reading()

    def go_on(self) -> None:
        """Read on; the provider's time counts again."""
        exchange = self.exchange
        if exchange is not None:
            exchange.allow(ANSWERED, self._keeper.clock.monotonic_ns(), exchange.timeouts.idle_s)
            if self._is_held:
                self._read_again()

    # Reading.

    def _read_head(self, exchange: Exchange, data: bytes) -> None:
        at = 0
        head = None
        while head is None:
            end = data.find(_HEAD_END, at)
            if end < 0 or end - at > self._keeper.settings.max_head_bytes:
                self._wait_for_head(exchange, data[at:] if at else data)
                return
            head = self._keeper.heads.read(data[at:end], is_bodiless=exchange.is_bodiless)
            at = end + 4
            if head.status < 200:
                self._pass_over(head)
                head = None
        self._head = head
        if head.length > exchange.most_bytes:
            raise ProviderBroken(reason="the answer is larger than is taken")
        exchange.begin(head)
        if self.exchange is not exchange:  # a consumer may cancel as soon as it has the head
            return
        stop = at + head.length
        if at <= stop <= len(data):
            if stop > at:
                exchange.take(data[at:stop])
            self._end(exchange, head, is_exact=stop == len(data))
            return
        self._framing = framing_of(head.length)
        self._read_body(exchange, data, at)

    def _wait_for_head(self, exchange: Exchange, part: bytes) -> None:
        if len(part) > self._keeper.settings.max_head_bytes:
            raise ProviderBroken(reason="the answer's head is larger than is taken")
        if not b"HTTP/1.".startswith(part[:7]):
            raise ProviderBroken(reason="the answer is not HTTP/1.1")
        self._ahead = part
        if part:
            exchange.allow(SENT, self._keeper.clock.monotonic_ns(), exchange.timeouts.idle_s)

    def _pass_over(self, head: Head) -> None:
        self._interim_heads += 1
        if head.status == SWITCHING or self._interim_heads > _MOST_INTERIM_HEADS:
            raise ProviderBroken(reason="the answer begins with interim heads that are too many, or not asked for")

    def _read_body(self, exchange: Exchange, data: bytes, at: int) -> None:
        framing = cast(Framing, self._framing)
        self._body_bytes += len(data) - at
        if self._body_bytes > exchange.most_bytes:
            raise ProviderBroken(reason="the answer is larger than is taken")
        exchange.allow(ANSWERED, self._keeper.clock.monotonic_ns(), exchange.timeouts.idle_s)
        pieces: list[bytes] = []
        at = framing.feed(data, at, pieces)
        if pieces:
            exchange.take(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if framing.is_complete:
            self._end(exchange, cast(Head, self._head), is_exact=at == len(data))
        elif at < len(data):
            self._ahead = data[at:]
            self._body_bytes -= len(data) - at

    def _end(self, exchange: Exchange, head: Head, *, is_exact: bool) -> None:
        if self.exchange is not exchange:  # a consumer may cancel with the last piece
            return
        is_reusable = is_exact and head.is_kept_alive and not self._transport.get_write_buffer_size()
        self._complete(exchange, is_reusable=is_reusable)

    def _complete(self, exchange: Exchange, *, is_reusable: bool) -> None:
        """The answer is whole. The connection is free, or closed, before anybody hears of it."""
        self.exchange = self._head = self._framing = None
        self._body_bytes = self._interim_heads = 0
        if is_reusable:
            if self._is_held:
                self._read_again()
            self._keeper.give_back(self)
        else:
            self.abort()
        exchange.finish()

    def _was_closed_on_purpose(self) -> bool:
        """Whether the end is the origin's: under TLS only its closing alert says so, anybody can end the TCP stream."""
        secure = self._transport.get_extra_info("ssl_object")
        if secure is None:
            return True
        try:
            secure.unwrap()  # answers ours; without theirs it would have to wait
        except ssl.SSLError:
            return False
        return True

    def _read_again(self) -> None:
        self._is_held = False
        self._transport.resume_reading()

    def _is_quiet(self) -> bool:
        poller = select.poll()
        poller.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poller.poll(0)
