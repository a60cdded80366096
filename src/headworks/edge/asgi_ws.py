"""A WebSocket under ASGI: the same session as on our own connections, carried by the server's messages."""

from __future__ import annotations

import asyncio
from collections import deque

from headworks.edge.answer import asgi_fields
from headworks.edge.asgi_scope import Event, Receive, Scope, Send, head_of
from headworks.edge.gate import Gate
from headworks.edge.phase import WEBSOCKET
from headworks.edge.ws_opening import check_opening, precheck_opening
from headworks.edge.ws_session import GOING_AWAY, NORMAL, POLICY, TOO_BIG, Opening, Session
from headworks.errors import HeadworksError
from headworks.values import Reply

_MOST_QUEUED_BYTES = 2**20


async def answer_websocket(gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket, or refuse its handshake."""
    await receive()
    app = gate.app
    try:
        head = head_of({**scope, "method": "GET"}, gate)
        opening = check_opening(head, gate)
    except HeadworksError as error:
        await _deny(app.problem(error, app.mint(), ""), scope, send)
        return
    refusal = precheck_opening(head, opening, gate)
    if refusal is not None:
        await _deny(refusal, scope, send)
        return
    socket = AsgiSocket(gate, opening, receive, send)
    try:
        gate.enter(socket, head.peer)
        await send({"type": "websocket.accept"})
        await socket.run()
    except HeadworksError as error:
        await _deny(app.problem(error, app.mint(), ""), scope, send)
    except OSError:
        return  # an ASGI server may say so when the client is gone
    finally:
        gate.leave(socket, head.peer)


async def _deny(reply: Reply, scope: Scope, send: Send) -> None:
    """Refuse the handshake: as HTTP where the server can, else by a close, which servers turn into 403."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": POLICY})
        return
    fields = [*asgi_fields(reply, is_secure=scope.get("scheme") == "wss"), (b"content-length", b"%d" % len(reply.body))]
    await send({"type": "websocket.http.response.start", "status": reply.status, "headers": fields})
    await send({"type": "websocket.http.response.body", "body": reply.body})


class AsgiSocket:
    """Carries a session; messages out are queued, and the session pauses while the client does not read them."""

    __slots__ = (
        "_closing", "_gate", "_has_news", "_has_room", "_queue", "_queued_bytes", "_receive", "_send", "_session",
    )  # fmt: skip

    def __init__(self, gate: Gate, opening: Opening, receive: Receive, send: Send) -> None:
        self._gate = gate
        self._receive = receive
        self._send = send
        self._session = Session(gate.app, gate.clock, opening, self)
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._closing: tuple[int, str] | None = None
        self._has_news = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def run(self) -> None:
        """Until either side closes; what is queued is still sent."""
        loop = asyncio.get_running_loop()
        reading, writing = loop.create_task(self._read()), loop.create_task(self._write())
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            if self._closing is not None:
                await asyncio.wait((writing,), timeout=self._gate.limits.linger_timeout_s)
        finally:
            self._session.abandon()
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
        for task in (reading, writing):
            if not task.cancelled():
                task.result()

    def send_text(self, text: bytes) -> None:
        """Queue one text message."""
        if self._closing is not None:
            return
        self._queue.append(text)
        self._queued_bytes += len(text)
        self._has_news.set()
        if self._queued_bytes > _MOST_QUEUED_BYTES and self._has_room.is_set():
            self._has_room.clear()
            self._session.pause()

    def close(self, code: int, reason: str) -> None:
        """Close behind the messages that are queued."""
        if self._closing is None:
            self._closing = code, reason
            self._has_news.set()

    @property
    def state(self) -> str:
        """See gate.Live."""
        return WEBSOCKET

    def expire(self, now_ns: int) -> None:
        """Nothing: under ASGI the tasks below keep the time."""

    def wind_down(self) -> None:
        """Finish what runs, take nothing new, close."""
        self._session.wind_down()

    def abort(self) -> None:
        """Close now, whatever runs."""
        self.close(GOING_AWAY, "the server is stopping")

    async def _read(self) -> None:
        """Take messages until the client goes, or has been silent for too long."""
        loop = asyncio.get_running_loop()
        first_by_s = loop.time() + self._gate.limits.ws_first_message_timeout_s
        waiting = loop.create_task(self._next())
        try:
            while self._closing is None:
                left_s = max(0.0, first_by_s - loop.time())
                done, _ = await asyncio.wait(
                    (waiting,), timeout=self._gate.limits.ws_idle_timeout_s if self._session.is_known else left_s
                )
                if not done:
                    self._overdue()
                    continue
                message = waiting.result()
                if message["type"] == "websocket.disconnect":
                    return
                self._take(message)
                waiting = loop.create_task(self._next())
        finally:
            waiting.cancel()

    def _overdue(self) -> None:
        if not self._session.is_known:
            self.close(POLICY, "no key in time")
        elif not self._session.is_busy:
            self.close(NORMAL, "idle")

    async def _next(self) -> Event:
        await self._has_room.wait()
        return await self._receive()

    def _take(self, message: Event) -> None:
        text = message.get("text")
        if self._closing is not None:
            return
        if text is None:
            self._session.receive_binary()
        elif len(text) > self._gate.limits.ws_max_message_bytes:
            self.close(TOO_BIG, "message too big")
        else:
            self._session.receive(text.encode())

    async def _write(self) -> None:
        """Send what is queued, as fast as the client reads."""
        while self._queue or self._closing is None:
            await self._has_news.wait()
            self._has_news.clear()
            while self._queue:
                text = self._queue.popleft()
                await self._send({"type": "websocket.send", "text": text.decode()})
                self._queued_bytes -= len(text)
                if self._queued_bytes < _MOST_QUEUED_BYTES and not self._has_room.is_set():
                    self._has_room.set()
                    self._session.resume()
        code, reason = self._closing
        await self._send({"type": "websocket.close", "code": code, "reason": reason})
