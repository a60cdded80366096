"""One HTTP request under ASGI: received within its bounds, run on callbacks, sent as fast as the client reads."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import structs

from headworks.edge.answer import BODILESS, asgi_fields, unforeseen
from headworks.edge.asgi_scope import Event, Receive, Scope, Send, head_of, origin_of
from headworks.edge.body import Content, body_too_large, content_of
from headworks.edge.gate import Gate
from headworks.edge.head import CHUNKED, SMALL_BYTES, Head
from headworks.edge.held import Held
from headworks.errors import ClientGone, HeadworksError, Internal, ReceiveTimeout
from headworks.pending import Pending, drive
from headworks.units import SECOND_NS
from headworks.values import Chunks, RawRequest, Reply

_SHORTEST_WAIT_S = 0.001


async def answer_http(gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request; a client that goes away cancels it."""
    exchange = Exchange(gate, scope, receive, send)
    try:
        await exchange.run()
    except OSError:
        return  # an ASGI server may say so when the client is gone
    finally:
        exchange.close()


class Exchange:
    """One request and its reply."""

    __slots__ = ("_gate", "_head", "_held", "_is_gone", "_receive", "_scope", "_send", "_watch")

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self._gate = gate
        self._scope = scope
        self._receive = receive
        self._send = send
        self._head: Head | None = None
        self._held = Held(gate)
        self._is_gone = False
        self._watch: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Receive, serve, send."""
        gate, app = self._gate, self._gate.app
        try:
            head = self._head = head_of(self._scope, gate)
            body = await self._whole(head)
        except ClientGone:
            return
        except HeadworksError as error:
            path = "" if self._head is None else self._head.path
            await self._answer(app.problem(error, app.mint(), path, origin_of(self._scope)))
            return
        reply = body if isinstance(body, Reply) else await self._served(head, body)
        if reply is not None:
            await self._answer(reply)

    def close(self) -> None:
        """Give back what the request held."""
        self._held.release()
        if self._watch is not None:
            self._watch.cancel()

    async def _whole(self, head: Head) -> bytes | Reply:
        """The body, or the refusal that came before it was received.

        Raises: ClientGone, BodyTooLarge, UnsupportedMedia, ReceiveTimeout, Overloaded, Malformed.
        """
        limits = self._gate.limits
        content = content_of(head, limits)
        if head.length > limits.max_body_bytes:
            raise body_too_large(limits.max_body_bytes)
        started_ns, ask_at_bytes = self._gate.clock.monotonic_ns(), SMALL_BYTES
        refusal = self._ask(head, head.length) if head.length > SMALL_BYTES or "expect" in head.headers else None
        while refusal is None:
            message = await self._message(content, started_ns)
            content.take(message.get("body", b""))
            self._held.grow(content.size_bytes)
            if not message.get("more_body", False):
                break
            if head.length == CHUNKED and content.size_bytes > ask_at_bytes:
                ask_at_bytes = 2 * content.size_bytes
                refusal = self._ask(head, content.size_bytes)
        if refusal is not None:
            return refusal
        if head.length not in {CHUNKED, content.wire_bytes}:
            raise ClientGone
        head.headers.pop("content-encoding", None)
        return content.whole()

    def _ask(self, head: Head, length: int) -> Reply | None:
        return self._gate.app.precheck(structs.replace(head, length=length))

    async def _message(self, content: Content, started_ns: int) -> Event:
        limits = self._gate.limits
        elapsed_s = (self._gate.clock.monotonic_ns() - started_ns) / SECOND_NS
        left_s = limits.request_timeout_s - elapsed_s
        if limits.min_body_bytes_per_s:
            earned_s = content.wire_bytes / limits.min_body_bytes_per_s
            left_s = min(left_s, limits.min_rate_from_s + earned_s - elapsed_s)
        try:
            async with asyncio.timeout(max(_SHORTEST_WAIT_S, left_s)):
                message = await self._receive()
        except TimeoutError:
            raise ReceiveTimeout("The body did not arrive whole in time") from None
        if message["type"] != "http.request":
            raise ClientGone
        return message

    async def _served(self, head: Head, body: bytes) -> Reply | None:
        """The application's reply; None when nobody is left to read it."""
        app = self._gate.app
        now_ns = self._gate.clock.monotonic_ns()
        raw = RawRequest(
            app.mint(), head.method, head.path, head.query, head.headers, body, head.peer, now_ns, head.is_secure
        )
        ended: asyncio.Future[tuple[Reply | None, BaseException | None]] = asyncio.get_running_loop().create_future()

        def end(reply: Reply | None, error: BaseException | None) -> None:
            if not ended.done():
                ended.set_result((reply, error))
            elif reply is not None and reply.chunks is not None:
                reply.chunks.abandon()

        driven = drive(app.serve(raw), end)
        try:
            if not await self._comes(ended):
                return None
            reply, error = ended.result()
        finally:
            if not ended.done():
                ended.cancel()
                driven.cancel(ClientGone())
        return unforeseen(error, app, raw.request_id, raw.path, head.headers.get("origin")) if reply is None else reply

    async def _comes(self, future: asyncio.Future[Any]) -> bool:
        """Wait for a future; False when the client went away first."""
        if future.done():
            return True
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._until_gone())
        await asyncio.wait((future, self._watch), return_when=asyncio.FIRST_COMPLETED)
        return future.done()

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _answer(self, reply: Reply) -> None:
        is_secure = self._scope.get("scheme") == "https" if self._head is None else self._head.is_secure
        try:
            fields = asgi_fields(reply, is_secure=is_secure)
        except Internal as error:
            if reply.chunks is not None:
                reply.chunks.abandon()
            reply = unforeseen(error, self._gate.app, self._gate.app.mint(), "")
            fields = asgi_fields(reply, is_secure=is_secure)
        has_body = self._scope["method"] != "HEAD"
        if reply.chunks is None and reply.status not in BODILESS:
            fields.append((b"content-length", b"%d" % len(reply.body)))
        await self._send({"type": "http.response.start", "status": reply.status, "headers": fields})
        if reply.chunks is not None and has_body:
            await self._stream(reply.chunks)
        else:
            if reply.chunks is not None:
                reply.chunks.abandon()
            await self._send({"type": "http.response.body", "body": reply.body if has_body else b""})

    async def _stream(self, chunks: Chunks) -> None:
        """Send chunk after chunk; a stream that breaks raises, so that the server cuts the reply off."""
        is_whole, defect = False, None
        try:
            while True:
                pending = chunks.next()
                if not await self._comes(_future_of(pending)):
                    pending.abandon()
                    return
                defect = pending.error
                data = pending.result()
                if data is None:
                    break
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            is_whole = True
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            if not is_whole:
                chunks.abandon(defect if isinstance(defect, Exception) else None)


def _future_of(pending: Pending[Any]) -> asyncio.Future[None]:
    """A future that is done when the pending result is."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def done() -> None:
        if not future.done():
            future.set_result(None)

    pending.when_done(done)
    return future
