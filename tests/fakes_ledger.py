"""A ledger in memory. It passes the same contract suite as the real one (tests/contract/test_ledger.py)."""

from headworks.costs import Reservation
from headworks.errors import IdempotencyMismatch, IdempotencyRunning, IdempotencySpent, Internal, RecordUnavailable
from headworks.pending import Pending
from headworks.recording import Entry, IdempotencySlot, Opened, Replay


class FakeLedger:
    """Implements ports.Ledger; results arrive at once.

    `entries` holds (kind, copy of the entry) in order; `refusals` counts; set `is_failing` to make the store fail.
    """

    def __init__(self, largest_answer_bytes: int = 2**20) -> None:
        self.entries: list[tuple[str, Entry]] = []
        self.refusals: dict[tuple[str, str, str], int] = {}
        self.is_failing = False
        self.reserved: list[tuple[int, Reservation]] = []
        self._largest_answer_bytes = largest_answer_bytes
        self._open: dict[int, IdempotencySlot | None] = {}
        self._running: dict[bytes, bytes] = {}
        self._answers: dict[bytes, tuple[bytes, Replay | None]] = {}

    def commit(self, entry: Entry) -> Pending[None]:
        pending: Pending[None] = Pending()
        if not self._write(pending, "call", entry):
            if entry.idempotency is not None:
                self._running.pop(entry.idempotency.slot, None)
            return pending
        self._keep_answer(entry)
        pending.resolve(None)
        return pending

    def open(self, entry: Entry) -> Pending[Opened]:
        pending: Pending[Opened] = Pending()
        if self._write(pending, "opened", entry):
            opened = Opened(entry.request_id, len(self.entries) - 1)
            self._open[opened.number] = entry.idempotency
            pending.resolve(opened)
        return pending

    def reserve(self, opened: Opened, reservation: Reservation) -> Pending[None]:
        pending: Pending[None] = Pending()
        if opened.number not in self._open:
            pending.fail(Internal(reason=f"record {opened.number} is not open"))
        elif self.is_failing:
            pending.fail(RecordUnavailable(retry_after_s=1.0))
        else:
            self.reserved.append((opened.number, reservation))
            pending.resolve(None)
        return pending

    def close(self, opened: Opened, entry: Entry) -> Pending[None]:
        pending: Pending[None] = Pending()
        if opened.number not in self._open:
            pending.fail(Internal(reason=f"record {opened.number} is not open"))
        elif self._write(pending, "closed", entry):
            slot = self._open.pop(opened.number)
            if slot is not None and entry.idempotency is None:
                self._running.pop(slot.slot, None)
            self._keep_answer(entry)
            pending.resolve(None)
        return pending

    def refuse(self, source: str, route: str, code: str) -> None:
        key = (source, route, code)
        self.refusals[key] = self.refusals.get(key, 0) + 1

    def claim(self, idempotency: IdempotencySlot) -> Pending[Replay | None]:
        pending: Pending[Replay | None] = Pending()
        error = self._refusal(idempotency)
        if error is not None:
            pending.fail(error)
        elif idempotency.slot in self._answers:
            pending.resolve(self._answers[idempotency.slot][1])
        else:
            self._running[idempotency.slot] = idempotency.body
            pending.resolve(None)
        return pending

    def release(self, idempotency: IdempotencySlot) -> None:
        self._running.pop(idempotency.slot, None)

    def _refusal(self, asked: IdempotencySlot) -> Exception | None:
        answered = self._answers.get(asked.slot)
        body = self._running.get(asked.slot) if answered is None else answered[0]
        if self.is_failing:
            return RecordUnavailable(retry_after_s=1.0)
        if body is not None and body != asked.body:
            return IdempotencyMismatch()
        if answered is None:
            return IdempotencyRunning(retry_after_s=1.0) if body is not None else None
        return IdempotencySpent() if answered[1] is None else None

    def _write(self, pending: Pending, kind: str, entry: Entry) -> bool:
        if self.is_failing:
            pending.fail(RecordUnavailable(retry_after_s=1.0))
            return False
        copy = Entry(**{name: getattr(entry, name) for name in entry.__struct_fields__})
        self.entries.append((kind, copy))
        return True

    def _keep_answer(self, entry: Entry) -> None:
        slot = entry.idempotency
        if slot is None:
            return
        replay = None
        if len(entry.output) <= self._largest_answer_bytes:
            replay = Replay(entry.request_id, entry.status, entry.output_media, entry.output)
        self._running.pop(slot.slot, None)
        self._answers[slot.slot] = (slot.body, replay)
