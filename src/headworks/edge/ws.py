"""WebSocket (RFC 6455) on a connection that HTTP/1.1 has upgraded; frames by wsproto, without extensions."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from headworks.edge.gate import Gate
from headworks.edge.head import Head
from headworks.edge.phase import WEBSOCKET
from headworks.edge.ws_opening import check_opening, precheck_opening
from headworks.edge.ws_session import NORMAL, POLICY, TOO_BIG, Opening, Session
from headworks.errors import HeadworksError, Malformed
from headworks.units import SECOND_NS
from headworks.values import Reply

_LISTENING = (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def upgrade(head: Head, gate: Gate, transport: asyncio.Transport, peer: str) -> WebSocket | Reply:
    """The WebSocket that now speaks on this transport, or the refusal."""
    try:
        accept = _accept(head)
        opening = check_opening(head, gate)
    except HeadworksError as error:
        return gate.app.problem(error, gate.app.mint(), head.path, head.headers.get("origin"))
    refusal = precheck_opening(head, opening, gate)
    if refusal is not None:
        return refusal
    transport.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: "
        + accept
        + b"\r\n\r\n"
    )
    return WebSocket(gate, transport, opening, peer)


def _accept(head: Head) -> bytes:
    key = head.headers.get("sec-websocket-key", "")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        is_key = False
    if head.method != "GET" or head.length or not is_key:
        raise Malformed("A WebSocket handshake is a GET without body, with Sec-WebSocket-Key")
    if head.headers.get("sec-websocket-version") != "13":
        raise Malformed("Send Sec-WebSocket-Version: 13", headers=(("Sec-WebSocket-Version", "13"),))
    return base64.b64encode(hashlib.sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest())


class WebSocket(asyncio.Protocol):
    """The protocol of an upgraded connection."""

    __slots__ = (
        "_closed_ns", "_frames", "_gate", "_last_ns", "_opened_ns", "_partial", "_partial_chars", "_partial_ns",
        "_paused_ns", "_peer", "_session", "_transport",
    )  # fmt: skip

    def __init__(self, gate: Gate, transport: asyncio.Transport, opening: Opening, peer: str) -> None:
        self._gate = gate
        self._transport = transport
        self._peer = peer
        self._frames = Connection(ConnectionType.SERVER)
        self._session = Session(gate.app, gate.clock, opening, self)
        self._opened_ns = self._last_ns = gate.clock.monotonic_ns()
        self._closed_ns = self._paused_ns = self._partial_ns = 0
        self._partial: list[str] = []
        self._partial_chars = 0

    def data_received(self, data: bytes) -> None:
        """Read frames."""
        if self._frames.state not in _LISTENING:
            return
        self._frames.receive_data(data)
        for event in self._frames.events():
            self._take(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the calls of a client that is gone."""
        self._closed_ns = self._closed_ns or self._gate.clock.monotonic_ns()
        self._session.abandon()
        self._gate.leave(self, self._peer)

    def pause_writing(self) -> None:
        """The client reads slower than we write: make no more for it, and take no more from it."""
        self._paused_ns = self._gate.clock.monotonic_ns()
        self._session.pause()
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._paused_ns = 0
        self._session.resume()
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def send_text(self, text: bytes) -> None:
        """Send one text message."""
        if self._frames.state is ConnectionState.OPEN:
            self._transport.write(self._frames.send(TextMessage(text.decode())))

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; the sweep ends it if the client does not."""
        if self._frames.state is ConnectionState.OPEN:
            self._closed_ns = self._gate.clock.monotonic_ns()
            self._transport.write(self._frames.send(CloseConnection(code, reason)))
            self._session.abandon()

    @property
    def state(self) -> str:
        """See gate.Live."""
        return WEBSOCKET

    def expire(self, now_ns: int) -> None:
        """End what has taken too long."""
        limits = self._gate.limits

        def passed(since_ns: int, most_s: float) -> bool:
            return since_ns > 0 and now_ns - since_ns > most_s * SECOND_NS

        if passed(self._paused_ns, limits.write_timeout_s) or passed(self._closed_ns, limits.linger_timeout_s):
            self.abort()
        elif self._closed_ns:
            return
        elif not self._session.is_known and passed(self._opened_ns, limits.ws_first_message_timeout_s):
            self.close(POLICY, "no key in time")
        elif passed(self._partial_ns, limits.request_timeout_s):
            self.close(POLICY, "message not received in time")
        elif not self._session.is_busy and passed(self._last_ns, limits.ws_idle_timeout_s):
            self.close(NORMAL, "idle")

    def wind_down(self) -> None:
        """Finish what runs, take nothing new, close."""
        self._session.wind_down()

    def abort(self) -> None:
        """Close now, whatever runs."""
        self._transport.abort()

    def _take(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            self._closed_by_client(event)
        elif self._closed_ns:
            return
        elif isinstance(event, TextMessage):
            self._take_text(event)
        elif isinstance(event, BytesMessage):
            self._last_ns = self._gate.now_ns
            if event.message_finished:
                self._session.receive_binary()
        elif isinstance(event, Ping):
            self._transport.write(self._frames.send(event.response()))

    def _take_text(self, event: TextMessage) -> None:
        self._partial.append(event.data)
        self._partial_chars += len(event.data)
        if self._partial_chars > self._gate.limits.ws_max_message_bytes:
            self._partial.clear()
            self.close(TOO_BIG, "message too big")
        elif not event.message_finished:
            self._partial_ns = self._partial_ns or self._gate.clock.monotonic_ns()
        else:
            text = "".join(self._partial).encode()
            self._partial.clear()
            self._partial_chars = self._partial_ns = 0
            self._last_ns = self._gate.clock.monotonic_ns()
            self._session.receive(text)

    def _closed_by_client(self, event: CloseConnection) -> None:
        """A close frame came, in answer to ours or not, or bytes that are no frames."""
        if self._frames.state is ConnectionState.OPEN:
            self.close(event.code, event.reason or "")
        elif self._frames.state is ConnectionState.REMOTE_CLOSING:
            self._transport.write(self._frames.send(event.response()))
        self._closed_ns = self._gate.clock.monotonic_ns()
        self._session.abandon()
        self._transport.close()
