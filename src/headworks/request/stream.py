"""A streamed answer: events as they come, the record closed before the last byte, what is held given back after it."""

from headworks.dialects.native.events import ending_chunk, event_chunk
from headworks.errors import ClientGone, HeadworksError
from headworks.pending import Pending, drive
from headworks.request.record import Line
from headworks.values import Held, Stream


class RecordedStream:
    """Chunks for the edge out of a target's events, noted on the call's line; implements values.Chunks.

    What `held` holds is given back at the end.
    """

    __slots__ = ("_held", "_is_over", "_line", "_stream")

    def __init__(self, stream: Stream, line: Line, held: Held) -> None:
        self._stream = stream
        self._line = line
        self._held = held
        self._is_over = False

    def next(self) -> Pending[bytes | None]:
        """The next chunk; None after the last."""
        pending: Pending[bytes | None] = Pending()
        driven = drive(self._next(), lambda chunk, error: pending.fail(error) if error else pending.resolve(chunk))
        pending.on_abandon = lambda: driven.cancel(ClientGone())
        return pending

    def abandon(self) -> None:
        """The client went away: stop the model, close the record with what was sent."""
        if self._is_over:
            return
        self._is_over = True
        self._stream.cancel()
        self._line.close(ClientGone())
        self._held.release()

    async def _next(self) -> bytes | None:
        if self._is_over:
            return None
        try:
            event = await self._stream.next()
        except ClientGone:
            self.abandon()
            raise
        except HeadworksError as error:
            return await self._end(error)
        if event is None:
            return await self._end(None)
        self._line.stream_event(event)
        return event_chunk(event)

    async def _end(self, error: HeadworksError | None) -> bytes:
        """The last chunk, once the closing row is durable."""
        self._is_over = True
        self._held.release()
        try:
            await self._line.close(error)
        except HeadworksError as unrecorded:
            error = unrecorded
        return ending_chunk(error, self._line.raw.request_id, self._line.raw.path)
