"""A streamed answer: events as they come, the record closed before the last byte, what is held given back after it."""

from contextlib import suppress

from headworks.errors import ClientGone, HeadworksError
from headworks.pending import Pending, driven
from headworks.ports import EventWriter
from headworks.request.record import Line
from headworks.values import Held, Stream

MOST_AT_ONCE_BYTES = 32 * 2**10


class RecordedStream:
    """Chunks for the edge out of a target's events, noted on the call's line, written by the dialect; implements values.Chunks.

    What `held` holds is taken over, and given back at the end. When the client goes away the target's work is stopped,
    or, where the endpoint says so, heard to its end, so that the record is whole and what was used is known.
    Events that are here at once go out at once, in one chunk; to see that, the first that is not is asked for ahead of time.
    """

    __slots__ = ("_ahead", "_held", "_is_left", "_is_over", "_line", "_stream", "_writer")

    def __init__(self, stream: Stream, line: Line, held: Held, writer: EventWriter) -> None:
        self._stream = stream
        self._writer = writer
        self._line = line
        self._held = held.hand_over()
        self._is_over = self._is_left = False
        self._ahead: Pending[bytes | None] | None = None

    @property
    def keep_alive(self) -> bytes:
        """See values.Chunks."""
        return self._writer.keep_alive

    def next(self) -> Pending[bytes | None]:
        """The next chunk; None after the last."""
        return driven(self._next())

    def abandon(self) -> None:
        """The client went away: stop the work or hear it out, and close the record with what came."""
        if self._is_over or self._is_left:
            return
        self._is_left = True
        endpoint = self._line.endpoint
        if endpoint is not None and endpoint.finishes_streams:
            driven(self._hear_out())
            return
        self._stream.cancel()
        self._close_left()

    async def _hear_out(self) -> None:
        try:
            with suppress(HeadworksError):  # the client is gone whatever becomes of the rest
                while (event := await self._stream.next()) is not None:
                    self._line.stream_event(event)
        finally:
            self._close_left()

    def _close_left(self) -> None:
        self._is_over = True
        self._line.close(ClientGone())
        self._held.release()

    async def _next(self) -> bytes | None:
        if self._is_over:
            return None
        written = b""
        while len(written) < MOST_AT_ONCE_BYTES:
            event, self._ahead = self._ahead or self._stream.next(), None
            if written and not _is_here(event):
                self._ahead = event
                break
            try:
                told = await event
            except ClientGone:
                self.abandon()
                raise
            except HeadworksError as error:
                return await self._end(error)
            if told is None:
                return await self._end(None)
            self._line.stream_event(told)
            try:
                written += self._writer.event(told)  # a dialect may have nothing to say of an event
            except HeadworksError as error:
                self._stream.cancel()
                return written + await self._end(error)
        return written

    async def _end(self, error: HeadworksError | None) -> bytes:
        """The last chunk, once the closing row is durable."""
        self._is_over = True
        self._held.release()
        try:
            await self._line.close(error)
        except HeadworksError as unrecorded:
            error = unrecorded
        raw = self._line.raw
        if error is not None:
            return self._writer.failed(error, raw.request_id, raw.path)
        return self._writer.end(self._stream.billed()[0])


def _is_here(event: Pending[bytes | None]) -> bool:
    """Whether it is an event, and here already."""
    return event.is_done and event.error is None and event.result() is not None
