"""A streamed answer: events as they come, the record closed before the last byte, what is held given back after it."""

from collections.abc import Callable

from headworks.errors import ClientGone, HeadworksError
from headworks.pending import Pending, drive
from headworks.request.record import Line
from headworks.values import Held, Stream

Encode = Callable[[bytes], bytes]


class RecordedStream:
    """Chunks for the edge out of a target's events; implements values.Chunks.

    `encode` turns one event into a chunk, `ending` makes the last chunk, of an error or of none.
    """

    __slots__ = ("_encode", "_ending", "_held", "_is_over", "_line", "_stream")

    def __init__(
        self,
        stream: Stream,
        line: Line,
        held: Held,
        encode: Encode,
        ending: Callable[[HeadworksError | None], bytes],
    ) -> None:
        self._stream = stream
        self._line = line
        self._held = held
        self._encode = encode
        self._ending = ending
        self._is_over = False

    def next(self) -> Pending[bytes | None]:
        """The next chunk; None after the last."""
        pending: Pending[bytes | None] = Pending()
        driven = drive(self._next(), lambda chunk, error: pending.fail(error) if error else pending.resolve(chunk))
        pending.on_abandon = lambda: driven.cancel(ClientGone())
        return pending

    def abandon(self) -> None:
        """The client went away: stop the model and close the record with what was sent."""
        if self._is_over:
            return
        self._is_over = True
        self._stream.cancel()
        self._line.close(ClientGone.code, ClientGone.status)
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
        return self._encode(event)

    async def _end(self, error: HeadworksError | None) -> bytes:
        self._is_over = True
        self._held.release()
        await self._line.close(error.code if error else "ok", error.status if error else 200)
        return self._ending(error)
