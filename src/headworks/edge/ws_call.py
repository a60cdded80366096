"""One call inside a WebSocket: a numbered message runs the whole path and its answer goes back as messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from headworks.edge.answer import unforeseen
from headworks.edge.app_port import App
from headworks.edge.events import EventReader
from headworks.edge.pump import Pump
from headworks.errors import ClientGone, HeadworksError, Internal, NotAcceptable
from headworks.pending import Driven, drive
from headworks.values import RawRequest, Reply


class Wire(Protocol):
    """The WebSocket as a session sees it."""

    def send_text(self, text: bytes) -> None:
        """Send one text message, UTF-8."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame (RFC 6455 section 7.4), and nothing after it."""


class _Problem(Struct):
    status: int = Internal.status


_status_of = Decoder(_Problem).decode


class WsCall:
    """One call under way; `over` is told once, after its last message."""

    __slots__ = ("_app", "_driven", "_events", "_is_over", "_is_paused", "_number", "_over", "_pump", "_raw", "_wire")

    def __init__(self, app: App, wire: Wire, raw: RawRequest, number: int, over: Callable[[int], None]) -> None:
        self._app = app
        self._wire = wire
        self._raw = raw
        self._number = number
        self._over = over
        self._events = EventReader()
        self._driven: Driven[Reply] | None = None
        self._pump: Pump | None = None
        self._is_over = self._is_paused = False

    def start(self, *, is_paused: bool) -> None:
        """Run the request; `is_paused` holds a stream back until `resume`."""
        self._is_paused = is_paused
        driven = drive(self._app.serve(self._raw), self._answered)
        if not self._is_over and self._pump is None:
            self._driven = driven

    def cancel(self) -> None:
        """End the call at its caller's wish; the caller is told by its last message, status 499."""
        gone = ClientGone("The call was cancelled by its client")
        if self._pump is not None:
            self._pump.abandon()
            self._fail(gone)
        elif self._driven is not None:
            self._driven.cancel(gone)

    def abandon(self) -> None:
        """The client is gone: stop, and tell nobody."""
        self._is_over = True
        driven, self._driven = self._driven, None
        if self._pump is not None:
            self._pump.abandon()
        elif driven is not None:
            driven.cancel(ClientGone())

    def pause(self) -> None:
        """The client reads slower than we write."""
        self._is_paused = True
        if self._pump is not None:
            self._pump.pause()

    def resume(self) -> None:
        """The client has caught up."""
        self._is_paused = False
        if self._pump is not None:
            self._pump.resume()

    def write(self, data: bytes, /) -> None:
        """Pass on the events in this piece of a stream."""
        for name, event in self._events.feed(data):
            if name == "message" and not self._is_over:
                self._wire.send_text(b'{"id":%d,"event":%b}' % (self._number, event))
            elif name == "error" and not self._is_over:
                self._end(_status(event), b'"error":' + event)

    def _answered(self, reply: Reply | None, error: BaseException | None) -> None:
        self._driven = None
        if reply is None:
            reply = unforeseen(error, self._app, self._raw.request_id, self._raw.path)
        chunks = reply.chunks
        media = _media(reply)
        if chunks is not None and (self._is_over or media != "text/event-stream"):
            chunks.abandon()
        if self._is_over:
            return
        if chunks is not None and media == "text/event-stream":
            pump = self._pump = Pump(self, chunks, self._streamed, is_chunked=False)
            if self._is_paused:
                pump.pause()
            pump.run()
        elif media.endswith("json"):
            self._end(reply.status, (b'"error":' if reply.status >= 400 else b'"output":') + (reply.body or b"null"))
        else:
            self._fail(NotAcceptable("Only JSON can be answered over a WebSocket; call this endpoint over HTTP"))

    def _streamed(self, is_whole: bool) -> None:
        if self._is_over:
            return
        if is_whole:
            self._end(200, b'"end":true')
        else:
            self._fail(Internal())

    def _fail(self, error: HeadworksError) -> None:
        problem = self._app.problem(error, self._raw.request_id, self._raw.path)
        self._end(error.status, b'"error":' + problem.body)

    def _end(self, status: int, rest: bytes) -> None:
        self._is_over = True
        head = b'{"id":%d,"status":%d,"request_id":"%b",' % (self._number, status, self._raw.request_id.encode())
        self._wire.send_text(head + rest + b"}")
        self._over(self._number)


def _media(reply: Reply) -> str:
    for name, value in reply.headers:
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""


def _status(problem: bytes) -> int:
    try:
        return _status_of(problem).status
    except DecodeError:
        return Internal.status
