"""A worker's loop for a model whose predict is a plain function: read a batch, run it, answer it."""

from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Any

from headworks.declare import Context
from headworks.errors import ClientGone, DeadlineExceeded, ModelError
from headworks.targets.models.inbox import Answers, Inbox, documents, is_plain, payloads
from headworks.targets.models.messages import Batch, Load
from headworks.targets.models.reporting import failed_row, report, tried
from headworks.targets.models.runner import RowFailed, Runner
from headworks.values import Payload

FLUSH_NS = 1_000_000
NO_ARRAY = -1
"""Instead of a count of rows: the call is one row, answered outside an array."""


class CallLoop:
    """Runs batches in the order they came, one at a time, until the front leaves."""

    def __init__(self, inbox: Inbox, runner: Runner, load: Load) -> None:
        self._inbox = inbox
        self._runner = runner
        self._max_rows = load.max_rows
        self._may_retry = load.retry
        self._run_batch = self._together if runner.announcement.is_batch else self._one_by_one

    def run(self, ready: Callable[[], None]) -> None:
        """Warm up, say ready, then serve until the front leaves."""
        self._runner.warm_up()
        ready()
        inbox = self._inbox
        while True:
            if inbox.batches:
                self._run_batch(*inbox.batches.popleft())
                continue
            inbox.fill(wait=True)
            if inbox.is_ended:
                return

    def _together(self, batch: Batch, body: bytes) -> None:
        """A model that takes many rows: run all rows at once."""
        began_ns = monotonic_ns()
        answers = Answers()
        rows = self._plain(batch, body, began_ns)
        if rows is None:
            count = self._one_after_another(batch, body, began_ns, answers)
        else:
            count = len(rows)
            contexts = [Context("", deadline_ns) for deadline_ns in batch.deadlines_ns]
            answers.all(batch.ids, self._outputs(rows, contexts))
        answers.send(self._inbox, count, monotonic_ns() - began_ns)

    def _plain(self, batch: Batch, body: bytes, now_ns: int) -> Sequence[Any] | None:
        """The rows of a batch whose calls are one row each, all right and all still wanted; else None."""
        cancelled = self._inbox.cancelled
        if not is_plain(batch) or min(batch.deadlines_ns, default=0) <= now_ns or not cancelled.isdisjoint(batch.ids):
            return None
        rows = self._runner.decode_all(documents(batch, body))
        return rows if rows is not None and len(rows) == len(batch.ids) else None

    def _one_after_another(self, batch: Batch, body: bytes, began_ns: int, answers: Answers) -> int:
        """Decode each call on its own, so that what is wrong with one is no other's; gives how many rows ran."""
        calls: list[tuple[int, int]] = []
        rows: list[Any] = []
        contexts: list[Context] = []
        cancelled = self._inbox.cancelled
        decode = self._runner.decode
        for call_id, deadline_ns, payload in zip(batch.ids, batch.deadlines_ns, payloads(batch, body), strict=True):
            if call_id in cancelled or deadline_ns <= began_ns:
                self._skip(answers, call_id)
                continue
            try:
                decoded = decode(payload)
            except BaseException as error:
                answers.fail(call_id, error)
                continue
            calls.append((call_id, len(decoded) if payload.is_array else NO_ARRAY))
            rows += decoded
            contexts += (Context("", deadline_ns),) * len(decoded)
        outputs = self._outputs(rows, contexts)
        at = 0
        for call_id, count in calls:
            if count == NO_ARRAY:
                answers.one(call_id, outputs[at])
                at += 1
            else:
                answers.array(call_id, outputs[at : at + count])
                at += count
        return len(rows)

    def _one_by_one(self, batch: Batch, body: bytes) -> None:
        """A model that takes one row: early answers do not wait for late ones."""
        began_ns = now_ns = monotonic_ns()
        answers = Answers()
        done_rows = 0
        for call_id, deadline_ns, payload in zip(batch.ids, batch.deadlines_ns, payloads(batch, body), strict=True):
            if now_ns - began_ns > FLUSH_NS:
                answers.send(self._inbox, done_rows, now_ns - began_ns)
                self._inbox.fill(wait=False)
                began_ns, answers, done_rows = now_ns, Answers(), 0
            if call_id in self._inbox.cancelled or deadline_ns <= now_ns:
                self._skip(answers, call_id)
                continue
            done_rows += self._answer(answers, call_id, deadline_ns, payload)
            now_ns = monotonic_ns()
        answers.send(self._inbox, done_rows, now_ns - began_ns)

    def _answer(self, answers: Answers, call_id: int, deadline_ns: int, payload: Payload) -> int:
        """Answer one call row by row; gives how many rows ran."""
        rows, error = tried(self._runner.decode, payload)
        if rows is None or error is not None:
            answers.fail(call_id, error or ModelError())
            return 0
        context = Context("", deadline_ns)
        outputs = [self._alone(row, context) for row in rows]
        if payload.is_array:
            answers.array(call_id, outputs)
        else:
            answers.one(call_id, outputs[0])
        return len(rows)

    def _skip(self, answers: Answers, call_id: int) -> None:
        is_cancelled = call_id in self._inbox.cancelled
        self._inbox.cancelled.discard(call_id)
        answers.fail(call_id, ClientGone() if is_cancelled else DeadlineExceeded())

    def _outputs(self, rows: Sequence[Any], contexts: list[Context]) -> Sequence[bytes | RowFailed]:
        """One output a row, never more rows at once than the model takes."""
        most = self._max_rows
        if len(rows) <= most:
            return self._predicted(rows, contexts) if len(rows) else ()
        outputs: list[bytes | RowFailed] = []
        for at in range(0, len(rows), most):
            outputs += self._predicted(rows[at : at + most], contexts[at : at + most])
        return outputs

    def _predicted(self, rows: Sequence[Any], contexts: list[Context]) -> Sequence[bytes | RowFailed]:
        outputs, error = tried(self._runner.predict, rows, contexts)
        if error is None:
            return matched(outputs, len(rows))
        report(error)
        if len(rows) == 1 or not self._may_retry:
            return [failed_row(error)] * len(rows)
        return [self._alone(row, context) for row, context in zip(rows, contexts, strict=True)]

    def _alone(self, row: Any, context: Context) -> bytes | RowFailed:
        if context.deadline_ns is not None and monotonic_ns() >= context.deadline_ns:
            return RowFailed("deadline_exceeded")
        outputs, error = tried(self._runner.predict, [row], [context])
        if error is None:
            return matched(outputs, 1)[0]
        report(error)
        return failed_row(error)


def matched(outputs: Sequence[bytes | RowFailed] | None, rows: int) -> Sequence[bytes | RowFailed]:
    """The outputs, if there is one a row; nothing is ever guessed about which row one belongs to."""
    if outputs is not None and len(outputs) == rows:
        return outputs
    return [RowFailed("contract_violation", reason=f"{len(outputs or ())} outputs for {rows} rows")] * rows
