"""Writes a body piece by piece, never further ahead of the client than the transport's buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headworks.edge.answer import LAST_CHUNK, chunk
from headworks.pending import Pending
from headworks.units import SECOND_NS
from headworks.values import Chunks

SLICE_BYTES = 2**16
SILENCE_NS = 10 * SECOND_NS
"""After so long without a chunk, something is written that means nothing: boxes on the way close silent connections."""


class Sink(Protocol):
    """Takes what is written: a transport, or what packs chunks into messages."""

    def write(self, data: bytes, /) -> None:
        """Send these bytes."""


class Slices:
    """A large body that is there already, as Chunks."""

    __slots__ = ("_at", "_body")

    keep_alive = b""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self._at = 0

    def next(self) -> Pending[bytes | None]:
        """The next slice; None after the last."""
        pending: Pending[bytes | None] = Pending()
        piece = bytes(self._body[self._at : self._at + SLICE_BYTES])
        self._at += len(piece)
        pending.resolve(piece or None)
        return pending

    def abandon(self, defect: Exception | None = None) -> None:
        """Nothing runs that could be stopped."""


class Pump:
    """Pulls chunks and writes them while the transport takes them; tells `done` once whether all were written."""

    __slots__ = ("_awaited", "_chunks", "_done", "_is_chunked", "_is_over", "_is_paused", "_silent_ns", "_sink")

    def __init__(self, sink: Sink, chunks: Chunks, done: Callable[[bool], None], *, is_chunked: bool) -> None:
        self._sink = sink
        self._chunks = chunks
        self._done = done
        self._is_chunked = is_chunked
        self._is_paused = False
        self._is_over = False
        self._silent_ns = 0
        self._awaited: Pending[bytes | None] | None = None

    def run(self) -> None:
        """Write what is ready; come back when more is."""
        while not self._is_paused and not self._is_over:
            pending = self._chunks.next()
            if not pending.is_done:
                self._awaited = pending
                pending.when_done(self._arrived)
                return
            self._put(pending)

    def pause(self) -> None:
        """The client reads slower than we write."""
        self._is_paused = True

    def resume(self) -> None:
        """The client has caught up."""
        self._is_paused = False
        if self._awaited is None:
            self.run()

    def keep_awake(self, now_ns: int) -> None:
        """Break a long silence; said now and then, whose distance is its grain."""
        if self._awaited is None or self._is_paused:
            return
        if self._silent_ns == 0:
            self._silent_ns = now_ns
        elif now_ns - self._silent_ns >= SILENCE_NS:
            self._silent_ns = now_ns
            data = self._chunks.keep_alive
            if data:
                self._sink.write(chunk(data) if self._is_chunked else data)

    def abandon(self, defect: Exception | None = None) -> None:
        """The client is gone, or a defect of ours cuts the reply off: stop what makes the chunks."""
        if self._is_over:
            return
        self._is_over = True
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.abandon()
        self._chunks.abandon(defect)

    def _arrived(self) -> None:
        pending, self._awaited = self._awaited, None
        if pending is None or self._is_over:
            return
        self._put(pending)
        self.run()

    def _put(self, pending: Pending[bytes | None]) -> None:
        self._silent_ns = 0
        try:
            data = pending.result()
            if data:
                self._sink.write(chunk(data) if self._is_chunked else data)
        except Exception as error:  # whatever broke the stream, the client must see that it is not whole
            self.abandon(error)
            self._done(False)
            return
        if data is None:
            self._is_over = True
            if self._is_chunked:
                self._sink.write(LAST_CHUNK)
            self._done(True)
