"""A worker's loop for asynchronous models: one task a call (or batch, or stream), cancelled when nobody waits."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Any

from headworks.declare import Context
from headworks.errors import ClientGone, DeadlineExceeded, ModelError
from headworks.targets.models.channel import FrameRefused
from headworks.targets.models.inbox import Answers, Inbox, payloads
from headworks.targets.models.loop_calls import NO_ARRAY, matched
from headworks.targets.models.loop_streams import only_row
from headworks.targets.models.messages import FIRST_CREDIT, Batch, Credit, End, Event, Load
from headworks.targets.models.reporting import failed_row, failure, place, report, tried
from headworks.targets.models.runner import RowFailed, Runner
from headworks.values import Payload

_Decoded = tuple[list[tuple[int, int]], list[Any], list[Context]]


class _Reader:
    """How many events the reader of a stream has room for."""

    __slots__ = ("credit", "room")

    def __init__(self) -> None:
        self.credit = FIRST_CREDIT
        self.room = asyncio.Event()


class _Unit:
    """Calls that run in one task, and which of them somebody still waits for."""

    __slots__ = ("calls", "task", "wanted")

    def __init__(self, calls: list[tuple[int, int, Payload]]) -> None:
        self.calls = calls
        self.wanted = {call_id for call_id, _, _ in calls}
        self.task: asyncio.Task[None] | None = None


class AsyncLoop:
    """Runs what comes side by side; the front bounds how much that is."""

    def __init__(self, inbox: Inbox, runner: Runner, load: Load) -> None:
        self._inbox = inbox
        self._runner = runner
        self._may_retry = load.retry
        self._max_rows = load.max_rows
        self._units: dict[int, _Unit] = {}
        self._readers: dict[int, _Reader] = {}
        self._broken: BaseException | None = None

    def run(self, ready: Callable[[], None]) -> None:
        """Warm up inside the loop, say ready, then serve until the front leaves."""
        asyncio.run(self._serve(ready))
        if self._broken is not None:
            raise self._broken

    async def _serve(self, ready: Callable[[], None]) -> None:
        await self._runner.warm_up_async()
        ready()
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(self._inbox.socket.fileno(), self._readable, ended)
        await ended.wait()
        loop.remove_reader(self._inbox.socket.fileno())

    def _readable(self, ended: asyncio.Event) -> None:
        inbox = self._inbox
        try:
            inbox.fill(wait=False)
            while inbox.batches:
                self._begin(*inbox.batches.popleft())
        except (OSError, FrameRefused) as error:
            self._broken = error
            ended.set()
            return
        while inbox.others:
            self._grant(inbox.others.popleft())
        for call_id in inbox.cancelled:
            self._cancel(call_id)
        inbox.cancelled.clear()
        if inbox.is_ended:
            ended.set()

    def _begin(self, batch: Batch, body: bytes) -> None:
        calls = list(zip(batch.ids, batch.deadlines_ns, payloads(batch, body), strict=True))
        announcement = self._runner.announcement
        if announcement.is_batch and not announcement.is_stream:
            self._start(_Unit(calls), self._run)
            return
        run = self._stream if announcement.is_stream else self._run
        for call in calls:
            self._start(_Unit([call]), run)

    def _start(self, unit: _Unit, run: Any) -> None:
        unit.task = asyncio.get_running_loop().create_task(run(unit))
        for call_id, _, _ in unit.calls:
            self._units[call_id] = unit

    def _grant(self, message: object) -> None:
        if isinstance(message, Credit) and message.id in self._readers:
            reader = self._readers[message.id]
            reader.credit += message.events
            reader.room.set()

    def _cancel(self, call_id: int) -> None:
        """Not before the task has begun, or it would never get to answer."""
        unit = self._units.get(call_id)
        if unit is None:
            return
        unit.wanted.discard(call_id)
        if not unit.wanted and unit.task is not None:
            asyncio.get_running_loop().call_soon(unit.task.cancel)

    def _forget(self, unit: _Unit) -> None:
        for call_id, _, _ in unit.calls:
            self._units.pop(call_id, None)
            self._readers.pop(call_id, None)

    async def _run(self, unit: _Unit) -> None:
        """Every call of the unit is answered, whatever happens to it."""
        began_ns = monotonic_ns()
        answers = Answers()
        calls, inputs, contexts = self._decoded(unit, answers)
        try:
            outputs = await self._outputs(inputs, contexts)
        except asyncio.CancelledError as error:
            gone = ModelError(reason=place(error)) if unit.wanted else ClientGone()
            for call_id, _ in calls:
                answers.fail(call_id, gone)
            calls = []
        at = 0
        for call_id, count in calls:
            if count == NO_ARRAY:
                answers.one(call_id, outputs[at])
            else:
                answers.array(call_id, outputs[at : at + count])
            at += abs(count)
        self._forget(unit)
        answers.send(self._inbox, len(inputs), monotonic_ns() - began_ns)

    def _decoded(self, unit: _Unit, answers: Answers) -> _Decoded:
        """The calls that could be decoded, with how many rows each has, and the rows of all."""
        now_ns = monotonic_ns()
        calls: list[tuple[int, int]] = []
        inputs: list[Any] = []
        contexts: list[Context] = []
        for call_id, deadline_ns, payload in unit.calls:
            if deadline_ns <= now_ns:
                answers.fail(call_id, DeadlineExceeded())
                continue
            rows, error = tried(self._runner.decode, payload)
            if rows is None or error is not None:
                answers.fail(call_id, error or ModelError())
                continue
            calls.append((call_id, len(rows) if payload.is_array else NO_ARRAY))
            inputs += rows
            contexts += (Context("", deadline_ns),) * len(rows)
        return calls, inputs, contexts

    async def _outputs(self, rows: list[Any], contexts: list[Context]) -> Sequence[bytes | RowFailed]:
        most = self._max_rows
        outputs: list[bytes | RowFailed] = []
        for at in range(0, len(rows), most):
            outputs += await self._predicted(rows[at : at + most], contexts[at : at + most])
        return outputs

    async def _predicted(self, rows: list[Any], contexts: list[Context]) -> Sequence[bytes | RowFailed]:
        try:
            outputs = await self._runner.predict_async(rows, contexts)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            report(error)
            if len(rows) == 1 or not self._may_retry:
                return [failed_row(error)] * len(rows)
            return [(await self._predicted([row], [context]))[0] for row, context in zip(rows, contexts, strict=True)]
        return matched(outputs, len(rows))

    async def _stream(self, unit: _Unit) -> None:
        call_id, deadline_ns, payload = unit.calls[0]
        reader = self._readers[call_id] = _Reader()
        end = End(call_id)
        try:
            if deadline_ns <= monotonic_ns():
                raise DeadlineExceeded
            row = only_row(self._runner, payload)
            async for event in self._runner.stream_async(row, Context("", deadline_ns)):
                while reader.credit <= 0:
                    reader.room.clear()
                    await reader.room.wait()
                reader.credit -= 1
                self._inbox.reply(Event(call_id), (event,))
        except asyncio.CancelledError:
            end = End(call_id, failure(call_id, ClientGone()))
        except BaseException as error:
            report(error)
            end = End(call_id, failure(call_id, error))
        self._forget(unit)
        self._inbox.reply(end)
