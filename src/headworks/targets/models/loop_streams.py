"""A worker's loop for a model whose predict is a generator: streams take turns, one event each."""

from collections.abc import Callable, Iterator
from time import monotonic_ns

from headworks.declare import Context
from headworks.errors import ClientGone, DeadlineExceeded, ModelError, SchemaViolation
from headworks.targets.models.inbox import Inbox, payloads
from headworks.targets.models.messages import FIRST_CREDIT, Batch, Credit, End, Event, Load
from headworks.targets.models.reporting import failure, report, tried
from headworks.targets.models.runner import Runner
from headworks.values import Payload


class _Open:
    """A stream under way and how many events its reader has room for."""

    __slots__ = ("credit", "events")

    def __init__(self, events: Iterator[bytes]) -> None:
        self.events = events
        self.credit = FIRST_CREDIT


class StreamLoop:
    """Runs streams side by side; one whose reader is slow holds up no other."""

    def __init__(self, inbox: Inbox, runner: Runner, load: Load) -> None:
        self._inbox = inbox
        self._runner = runner
        self._open: dict[int, _Open] = {}

    def run(self, ready: Callable[[], None]) -> None:
        """Warm up, say ready, then serve until the front leaves."""
        self._runner.warm_up()
        ready()
        inbox = self._inbox
        while True:
            runnable = [(call_id, stream) for call_id, stream in self._open.items() if stream.credit > 0]
            inbox.fill(wait=not runnable)
            if inbox.is_ended:
                return
            for call_id, stream in runnable:
                self._step(call_id, stream)
            while inbox.batches:
                self._begin(*inbox.batches.popleft())
            while inbox.others:
                self._grant(inbox.others.popleft())
            self._cancel()

    def _begin(self, batch: Batch, body: bytes) -> None:
        now_ns = monotonic_ns()
        for call_id, deadline_ns, payload in zip(batch.ids, batch.deadlines_ns, payloads(batch, body), strict=True):
            if deadline_ns <= now_ns:
                self._inbox.reply(End(call_id, failure(call_id, DeadlineExceeded())))
                continue
            events, error = tried(self._events, payload, deadline_ns)
            if events is None or error is not None:
                self._inbox.reply(End(call_id, failure(call_id, error or ModelError())))
            else:
                self._open[call_id] = _Open(events)

    def _events(self, payload: Payload, deadline_ns: int) -> Iterator[bytes]:
        return self._runner.stream(only_row(self._runner, payload), Context("", deadline_ns))

    def _step(self, call_id: int, stream: _Open) -> None:
        event, error = tried(next, stream.events, None)
        if error is not None:
            report(error)
            del self._open[call_id]
            self._inbox.reply(End(call_id, failure(call_id, error)))
            return
        if event is None:
            del self._open[call_id]
            self._inbox.reply(End(call_id))
            return
        stream.credit -= 1
        self._inbox.reply(Event(call_id), (event,))

    def _grant(self, message: object) -> None:
        if isinstance(message, Credit) and message.id in self._open:
            self._open[message.id].credit += message.events

    def _cancel(self) -> None:
        for call_id in self._inbox.cancelled:
            stream = self._open.pop(call_id, None)
            if stream is None:
                continue
            _, error = tried(getattr(stream.events, "close", _nothing))
            if error is not None:
                report(error)
            self._inbox.reply(End(call_id, failure(call_id, ClientGone())))
        self._inbox.cancelled.clear()


def _nothing() -> None:
    """Instead of the close that an iterator which is no generator does not have."""


def only_row(runner: Runner, payload: Payload) -> object:
    """The one row of a call that streams.

    Raises: SchemaViolation for an array.
    """
    rows = runner.decode(payload)
    if payload.is_array or len(rows) != 1:
        raise SchemaViolation("this endpoint streams and takes one input, not an array")
    return rows[0]
