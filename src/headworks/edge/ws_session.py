"""A WebSocket's conversation, whatever carries it: messages in, numbered answers out, every bound held.

Each message becomes a POST of its own and passes the whole path, its key checked anew. Format: docs/reference/http-guards.md.
"""

from __future__ import annotations

import re

from msgspec import Raw, Struct, UnsetType

from headworks.edge.app_port import App
from headworks.edge.head import Head
from headworks.edge.ws_call import Wire, WsCall
from headworks.edge.ws_message import Message, message_of
from headworks.errors import (
    ConcurrencyExceeded,
    Draining,
    HeadworksError,
    Malformed,
    Unauthenticated,
    UnsupportedMedia,
)
from headworks.units import Clock
from headworks.values import RawRequest

NORMAL, GOING_AWAY, POLICY, TOO_BIG = 1000, 1001, 1008, 1009

_PATH = re.compile(r"/api/([A-Za-z0-9_-]{1,64})/v([1-9][0-9]{0,8})/ws")
_KEPT_FIELDS = ("host", "origin", "user-agent", "authorization", "x-api-key", "x-subject")


class Opening(Struct, frozen=True):
    """What the handshake said."""

    endpoint: str
    version: int
    headers: dict[str, str]
    peer: str
    is_secure: bool


class Session:
    """The calls of one WebSocket."""

    __slots__ = (
        "_app",
        "_calls",
        "_clock",
        "_headers",
        "_is_paused",
        "_most_calls",
        "_opening",
        "_wire",
        "is_draining",
    )

    def __init__(self, app: App, clock: Clock, opening: Opening, wire: Wire) -> None:
        self._app = app
        self._clock = clock
        self._opening = opening
        self._wire = wire
        self._most_calls = app.limits.ws_max_calls
        self._headers = {name: opening.headers[name] for name in _KEPT_FIELDS if name in opening.headers}
        self._calls: dict[int, WsCall] = {}
        self._is_paused = False
        self.is_draining = False

    @property
    def is_known(self) -> bool:
        """Whether a key has been presented."""
        return "authorization" in self._headers or "x-api-key" in self._headers

    @property
    def is_busy(self) -> bool:
        """Whether a call runs."""
        return bool(self._calls)

    def receive(self, text: bytes) -> None:
        """Take one whole text message."""
        try:
            message = message_of(text)
        except HeadworksError as error:
            self._refuse(error, None)
        else:
            self._take(message)

    def receive_binary(self) -> None:
        """Refuse a binary message; the connection stays."""
        self._refuse(UnsupportedMedia("Send text messages; binary input goes over HTTP, or as base64 in JSON"), None)

    def pause(self) -> None:
        """The client reads slower than we write."""
        self._is_paused = True
        for call in tuple(self._calls.values()):
            call.pause()

    def resume(self) -> None:
        """The client has caught up."""
        self._is_paused = False
        for call in tuple(self._calls.values()):
            call.resume()

    def wind_down(self) -> None:
        """Take no new call; close when the last one has ended."""
        self.is_draining = True
        self._close_when_idle()

    def abandon(self) -> None:
        """The client is gone: stop every call."""
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.abandon()

    def _take(self, message: Message) -> None:
        if message.authorization is not None:
            self._authorise(message.authorization)
        elif not self.is_known:
            self._refuse(Unauthenticated('Send {"authorization": "Bearer KEY"} first'), message.id)
            self._wire.close(POLICY, "no key")
        elif message.cancel is not None:
            self._cancel(message.cancel)
        else:
            try:
                self._call(message)
            except HeadworksError as error:
                self._refuse(error, message.id)

    def _authorise(self, authorization: str) -> None:
        headers = {name: value for name, value in self._headers.items() if name != "x-api-key"}
        headers["authorization"] = authorization
        opening = self._opening
        path = f"/api/{opening.endpoint}/v{opening.version}"
        head = Head("POST", path, "", headers, peer=opening.peer, is_secure=opening.is_secure)
        refusal = self._app.precheck(head)
        if refusal is None:
            self._headers = headers
            return
        self._wire.send_text(b'{"id":null,"status":%d,"error":%b}' % (refusal.status, refusal.body))
        self._wire.close(POLICY, "key refused")

    def _cancel(self, number: int) -> None:
        call = self._calls.get(number)
        if call is None:
            self._refuse(Malformed(f"No call {number} is running"), number)
        else:
            call.cancel()

    def _call(self, message: Message) -> None:
        number, document = message.id, message.input
        if number is None or isinstance(document, UnsetType):
            raise Malformed("A call needs an id, a whole number, and an input")
        if number in self._calls:
            raise Malformed(f"Call {number} is still running; choose another id")
        if self.is_draining:
            raise Draining(retry_after_s=1)
        if len(self._calls) >= self._most_calls:
            raise ConcurrencyExceeded(f"At most {self._most_calls} calls may run at once on one WebSocket")
        call = self._calls[number] = WsCall(self._app, self._wire, self._request(message, document), number, self._over)
        call.start(is_paused=self._is_paused)

    def _request(self, message: Message, document: Raw) -> RawRequest:
        opening = self._opening
        headers = {
            **self._headers,
            "content-type": "application/json",
            "accept": "text/event-stream" if message.stream else "application/json",
        }
        if message.deadline_ms is not None:
            headers["x-deadline-ms"] = str(message.deadline_ms)
        if message.subject is not None:
            headers["x-subject"] = message.subject
        if message.idempotency_key is not None:
            headers["idempotency-key"] = message.idempotency_key
        version = opening.version if message.version is None else message.version
        path = f"/api/{message.endpoint or opening.endpoint}/v{version}"
        now_ns = self._clock.monotonic_ns()
        request_id = self._app.mint()
        body = bytes(document)
        return RawRequest(request_id, "POST", path, "", headers, body, opening.peer, now_ns, opening.is_secure, "ws")

    def _over(self, number: int) -> None:
        self._calls.pop(number, None)
        if self.is_draining:
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        if not self._calls:
            self._wire.close(GOING_AWAY, "the server is stopping")

    def _refuse(self, error: HeadworksError, number: int | None) -> None:
        problem = self._app.problem(error, self._app.mint(), "")
        name = b"null" if number is None else b"%d" % number
        self._wire.send_text(b'{"id":%b,"status":%d,"error":%b}' % (name, error.status, problem.body))


def opening_of(path: str, headers: dict[str, str], peer: str, *, is_secure: bool) -> Opening | None:
    """What the handshake asks for; None when this path is no WebSocket's."""
    match = _PATH.fullmatch(path)
    return match and Opening(match[1], int(match[2]), headers, peer, is_secure)
