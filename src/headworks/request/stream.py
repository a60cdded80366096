"""A streamed answer: events as they come, the record closed before the last byte, what is held given back after it."""

from collections.abc import Awaitable

from headworks.costs import Usage
from headworks.errors import ClientGone, HeadworksError
from headworks.pending import Pending, Shared, driven
from headworks.ports import Dialect, EventWriter
from headworks.request.record import Line
from headworks.request.shape import is_passed, shaped
from headworks.units import RequestId
from headworks.values import Call, Held, Outcome, Stream

MOST_AT_ONCE_BYTES = 32 * 2**10


class Passing:
    """Pieces of one body as they came; implements ports.EventWriter.

    Within a body nothing can be said of an error: one cuts the reply off, so that nobody takes a part for the whole.
    """

    keep_alive = b""

    def event(self, event: bytes) -> bytes:
        """See ports.EventWriter."""
        return event

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter."""
        return b""

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter.

        Raises: the error.
        """
        raise error


def writer_of(call: Call, outcome: Outcome, dialect: Dialect) -> EventWriter:
    """What writes a streamed answer.

    Raises: what the dialect raises of a media type that it cannot carry.
    """
    if not is_passed(outcome):
        return dialect.writer(call)
    dialect.body(call, b"", outcome.media)
    return Passing()


def kept_on(answering: Awaitable[Outcome], call: Call, line: Line, held: Held, dialect: Dialect) -> Awaitable[Outcome]:
    """The outcome; where the endpoint says so, a stream is waited for and heard out also when its caller leaves before.

    Raises: what is raised of the answer; ClientGone, of such a stream once all is recorded.
    """
    if not call.is_stream or not call.endpoint.finishes_streams:
        return answering
    return _outlasting(answering, call, line, held, dialect)


async def _outlasting(answering: Awaitable[Outcome], call: Call, line: Line, held: Held, dialect: Dialect) -> Outcome:
    work = Shared(driven(_awaited(answering)))
    try:
        return await work.join()
    except ClientGone:
        if work.is_done:
            raise
    outcome = line.answer = shaped(call, await work.join())
    if outcome.stream is not None:
        await RecordedStream(outcome.stream, line, held, writer_of(call, outcome, dialect)).heard_out()
    raise ClientGone


async def _awaited(answering: Awaitable[Outcome]) -> Outcome:
    return await answering


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

    def abandon(self, defect: Exception | None = None) -> None:
        """The client went away: stop the work or hear it out, and close the record with what came; see values.Chunks for `defect`."""
        error = ClientGone() if defect is None else self._line.named(defect)
        if self._is_over or self._is_left:
            return
        self._is_left = True
        endpoint = self._line.endpoint
        if defect is None and endpoint is not None and endpoint.finishes_streams:
            self.heard_out()
            return
        self._stream.cancel()
        self._close_left(error)

    def heard_out(self) -> Pending[None]:
        """Resolves when the rest was taken for nobody, so that the record is whole, and the record is closed."""
        self._is_left = True
        told: Pending[None] = Pending()
        heard = driven(self._hear_out())
        heard.when_done(lambda: self._heard(heard.error, told))
        return told

    async def _hear_out(self) -> None:
        told: bytes | None = b""
        while told is not None:
            event, self._ahead = self._ahead or self._stream.next(), None
            if (told := await event) is not None:
                self._line.stream_event(told)

    def _heard(self, failure: BaseException | None, told: Pending[None]) -> None:
        """The client is gone whatever became of the rest; only a defect of ours is worth a word."""
        if isinstance(failure, Exception):
            self._line.named(failure)
        self._close_left(ClientGone())
        told.resolve(None)

    def _close_left(self, error: HeadworksError) -> None:
        self._is_over = True
        self._line.close(error)
        self._held.release()

    async def _next(self) -> bytes | None:
        if self._is_over:
            return None
        written = last = b""
        while len(written) < MOST_AT_ONCE_BYTES:
            event, self._ahead = self._ahead or self._stream.next(), None
            if written and not _is_here(event):
                self._ahead = event
                break
            try:
                told = await event
                if told is None:
                    last = self._writer.end(self._stream.billed()[0])
                else:
                    self._line.stream_event(told)
                    written += self._writer.event(told)  # a dialect may have nothing to say of an event
            except ClientGone:
                self.abandon()
                raise
            except Exception as failure:  # a defect of ours is told as one, not taken for the client's leaving
                self._stream.cancel()
                return written + await self._end(self._line.named(failure))
            if told is None:
                return await self._end(None, last)
        return written

    async def _end(self, error: HeadworksError | None, last: bytes = b"") -> bytes:
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
        return last


def _is_here(event: Pending[bytes | None]) -> bool:
    """Whether it is an event, and here already."""
    return event.is_done and event.error is None and event.result() is not None
