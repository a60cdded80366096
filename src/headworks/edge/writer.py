"""Writes replies on one connection: small ones at once, large and streamed ones as the client takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headworks.edge.answer import CHUNKED_FRAMING, CLOSE, KEEP_ALIVE, WRITTEN_AT_ONCE_BYTES, reply_head, sized
from headworks.edge.head import Head
from headworks.edge.pump import Pump, Slices
from headworks.errors import Internal
from headworks.values import Chunks, Reply


class Writer:
    """One connection's way out; `done` is told once of each reply that `send` could not write whole."""

    __slots__ = ("_done", "_pump", "_transport", "paused_ns")

    def __init__(self, transport: asyncio.Transport, done: Callable[[bool], None]) -> None:
        self._transport = transport
        self._done = done
        self._pump: Pump | None = None
        self.paused_ns = 0
        """Since when the client has been reading slower than we write; 0 when it keeps up."""

    def send(self, reply: Reply, head: Head | None, standing: bytes, *, is_last: bool) -> bool:
        """Write a reply; True when it is written whole, False when `done` will tell.

        Raises: Internal, and nothing is written, when the reply's own fields would break its head.
        """
        is_old = head is not None and head.is_old
        framing = CLOSE if is_last else KEEP_ALIVE if is_old else b""
        has_body = head is None or head.method != "HEAD"
        if reply.chunks is not None:
            return self._stream(reply, reply.chunks, standing, framing, is_chunked=not is_old, has_body=has_body)
        top = reply_head(reply, standing, sized(reply) + framing)
        if not has_body:
            self._transport.write(top)
        elif len(reply.body) > WRITTEN_AT_ONCE_BYTES:
            self._transport.write(top)
            return self._start(Slices(reply.body), is_chunked=False)
        else:
            self._transport.write(top + reply.body)
        return True

    def pause(self, now_ns: int) -> None:
        """The client reads slower than we write: make no more for it."""
        self.paused_ns = now_ns
        if self._pump is not None:
            self._pump.pause()

    def resume(self) -> None:
        """The client has caught up."""
        self.paused_ns = 0
        if self._pump is not None:
            self._pump.resume()

    def keep_awake(self, now_ns: int) -> None:
        """Break a stream's long silence."""
        if self._pump is not None:
            self._pump.keep_awake(now_ns)

    def abandon(self) -> None:
        """The client is gone: stop what makes the reply."""
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.abandon()

    def _stream(
        self, reply: Reply, chunks: Chunks, standing: bytes, framing: bytes, *, is_chunked: bool, has_body: bool
    ) -> bool:
        try:
            top = reply_head(reply, standing, (CHUNKED_FRAMING if is_chunked else b"") + framing)
        except Internal:
            chunks.abandon()
            raise
        self._transport.write(top)
        if not has_body:
            chunks.abandon()
            return True
        return self._start(chunks, is_chunked=is_chunked)

    def _start(self, chunks: Chunks, *, is_chunked: bool) -> bool:
        pump = self._pump = Pump(self._transport, chunks, self._ended, is_chunked=is_chunked)
        if self.paused_ns:
            pump.pause()
        pump.run()
        return False

    def _ended(self, is_whole: bool) -> None:
        self._pump = None
        self._done(is_whole)
