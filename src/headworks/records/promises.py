"""Rows whose callers need not wait for the store: the journal makes them durable at once, the store takes them soon.

A row goes this way when nothing but a failing store could keep it from being written: it is small, its data key is in
use, no idempotency slot hangs on it, and the store keeps up. Every other row waits for its commit, and all do where the
store must survive a power cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct, structs
from msgspec.msgpack import Decoder, Encoder

from headworks.costs import Reservation
from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.pending import Pending
from headworks.recording import Entry, Opened
from headworks.records.desk import MOST_OPEN, RecordDesk
from headworks.records.journal import Frame, Journal
from headworks.records.sealing import Put, month_of
from headworks.records.spending import Reserve, is_beyond_sums
from headworks.stores.gathering import Gathering
from headworks.stores.work import Item, Scheduling
from headworks.stores.writer import Writer
from headworks.units import MICROSECOND_NS, MILLISECOND_NS, RequestId
from headworks.values import RecordMode

MOST_BYTES = 64 * 2**10
"""Of one row's content; what is larger has its own way to the disk."""
MOST_LACKING = 2048
"""How many rows the store may be behind."""
TAKEN_AT_ONCE = 128
"""Rows of a journal in one transaction, at a start."""
STALLED_NS = 250 * MILLISECOND_NS
"""A store that took nothing for so long may hang on its disk, and so might the journal."""
LONE_NS = 60 * MICROSECOND_NS
"""A row that follows the one before after so long is alone; others share a frame."""

_FULL, _NONE = RecordMode.FULL, RecordMode.NONE
Lost = Callable[[BaseException], None]
Row = Put | Reserve


class Promise(Struct, array_like=True, gc=False):
    """One item as it stands in the journal: a row's entry, or what one more attempt holds."""

    kind: str
    request_id: RequestId
    entry: Entry | None = None
    reservation: Reservation | None = None


_encode = Encoder().encode
_decode = Decoder(list[Promise]).decode


class _Kept(Pending[Any]):
    """What becomes of promised items: nobody waits; the last of those given on together tells how far the store is."""

    __slots__ = ("_lost", "_number", "_passed")

    def __init__(self, lost: Lost, passed: Callable[[int], None], number: int = 0) -> None:
        super().__init__()
        self._lost, self._passed, self._number = lost, passed, number

    def resolve(self, value: Any) -> None:
        """The store has it."""
        if self._number:
            self._passed(self._number)

    def fail(self, error: BaseException) -> None:
        """A defect: the store will never have it."""
        self._lost(error)
        self.resolve(None)


class Promises:
    """Makes rows durable in the journal and lets the writer have them when it suits.

    Safe under: the loop's thread.
    Cost: about 4 µs for a small row, a third of it for one of many in a frame.
    """

    def __init__(self, journal: Journal, desk: RecordDesk, writer: Writer, scheduling: Scheduling, lost: Lost) -> None:
        self._journal = journal
        self._desk = desk
        self._clock = desk.clock
        self._writer = writer
        self._gathering = Gathering(self._promise, scheduling, desk.clock)
        self._lost = lost
        self._kept = _Kept(lost, self._passed)
        self._added_ns = self._moved_ns = 0
        self._month_starts_ns = self._month_ends_ns = 0
        self._month = ""

    def add(self, row: Row, entry: Entry | None = None) -> bool:
        """Take a row, and resolve its pending result once it is durable; False, and nothing is done, for one that must wait."""
        now_ns = self._clock.monotonic_ns()
        is_alone = now_ns - self._added_ns > LONE_NS
        self._added_ns = now_ns
        if not self._keeps_up(now_ns) or (entry is not None and not self._takes(row, entry)):
            self._gathering.give_on()  # in the order they came
            return False
        if is_alone and self._gathering.is_empty:
            self._promise([row])
        else:
            self._gathering.add(row)
        return True

    def give_on(self) -> None:
        """Keep at once what waits for the end of its round."""
        self._gathering.give_on()

    def wipe(self) -> None:
        """Overwrite in the journal what the store has."""
        self._journal.wipe()

    def close(self) -> None:
        """Close the journal, once the writer has ended; it goes when nothing in it is needed."""
        self._journal.passed(self._desk.promised)
        self._journal.close()

    def _keeps_up(self, now_ns: int) -> bool:
        lacking = self._journal.lacking
        if not lacking:
            self._moved_ns = now_ns
        return lacking < MOST_LACKING and now_ns - self._moved_ns < STALLED_NS and self._writer.has_recovered

    def _takes(self, row: Row, entry: Entry) -> bool:
        desk = self._desk
        if desk.is_full or len(desk.running) >= MOST_OPEN or entry.idempotency is not None or is_beyond_sums(entry):
            return False
        if entry.mode is not _FULL:
            return entry.mode is _NONE and entry.subject is None  # a digest is made of content, which is not to be kept
        return row.size_bytes <= MOST_BYTES and self._has_key(entry)

    def _has_key(self, entry: Entry) -> bool:
        at_ns = entry.at_wall_ns
        if not self._month_starts_ns <= at_ns < self._month_ends_ns:
            self._month_starts_ns, self._month_ends_ns, self._month = month_of(at_ns)
        if entry.subject is not None:
            return self._desk.keys.is_at_hand((entry.subject, True, self._month))
        return self._desk.keys.is_at_hand((entry.caller_id, False, self._month))

    def _numbered(self, rows: list[Any]) -> int | None:
        """The number of the first, once they are durable; None where they have to wait for the store."""
        try:
            return self._journal.keep(_encode([_promise_of(row) for row in rows]), len(rows))
        except (TypeError, ValueError, OverflowError):  # one cannot be written at all; the writer finds out which
            return None

    def _promise(self, rows: list[Any]) -> None:
        first = self._numbered(rows)
        if first is None:
            for row in rows:
                self._writer.submit(row)
            return
        waiting = [row.pending for row in rows]
        for number, row in enumerate(rows, first):
            row.promise = number
            row.pending = self._kept
        rows[-1].pending = _Kept(self._lost, self._passed, rows[-1].promise)
        self._writer.submit_promised(rows)
        for row, pending in zip(rows, waiting, strict=True):
            pending.resolve(row.opened if type(row) is Put and row.kind == "opened" else None)

    def _passed(self, number: int) -> None:
        self._moved_ns = self._clock.monotonic_ns()
        self._journal.passed(number)


def take_over(
    frames: Iterable[Frame], running: dict[RequestId, int], desk: RecordDesk, writer: Writer
) -> list[BaseException]:
    """Write what a journal holds and the store lacks; gives what cannot be written, which keeps nothing else out.

    Raises: HomeUnavailable when another version wrote the journal; RecordUnavailable when the store fails.
    """
    items = items_of(frames, running, desk.promised)
    missing = items[-1].promise - desk.promised - len(items) if items else 0
    lost: list[BaseException] = []
    if missing:
        lost.append(RecordUnavailable(reason=f"the journal is damaged: {missing} rows that it promised cannot be read"))
    for at in range(0, len(items), TAKEN_AT_ONCE):
        some = items[at : at + TAKEN_AT_ONCE]
        errors = _errors_of(some, writer)
        if desk.promised < some[-1].promise:  # one of them kept all from being written: each by itself
            errors = [error for item in some for error in _errors_of([item], writer)]
        lost += errors
    return lost


def _errors_of(items: list[Item], writer: Writer) -> list[BaseException]:
    errors = writer.errors_of(items)
    for error in errors:
        if isinstance(error, RecordUnavailable):
            raise error
    return errors


def items_of(frames: Iterable[Frame], running: dict[RequestId, int], after: int) -> list[Item]:
    """What a journal holds after a number, to be written; `running` are the numbers of opened rows by request.

    Raises: HomeUnavailable when it was written by another version of this program.
    """
    opened = {request_id: Opened(request_id, number) for request_id, number in running.items()}
    items: list[Item] = []
    for first, text in frames:
        try:
            promised = [_item_of(promise, opened) for promise in _decode(text)]
        except ValueError as error:
            raise HomeUnavailable(
                f"The journal is of another version of Headworks, which has to start once more: {error}."
            ) from error
        for number, item in enumerate(promised, first):
            item.promise = number
        items += [item for item in promised if item.promise > after]
    return items


def _promise_of(row: Row) -> Promise:
    if isinstance(row, Reserve):
        return Promise("reserve", row.opened.request_id, reservation=row.reservation)
    entry = row.entry
    if entry.mode is _NONE:
        entry = structs.replace(entry, input=(), output=b"")
    return Promise(row.kind, entry.request_id, entry)


def _item_of(promise: Promise, opened: dict[RequestId, Opened]) -> Item:
    known = opened.setdefault(promise.request_id, Opened(promise.request_id))
    if promise.entry is None and promise.reservation is not None:
        return Reserve(Pending(), known, promise.reservation)
    if promise.entry is None:
        raise ValueError(f"the journal holds a {promise.kind} without an entry")
    return Put(Pending(), promise.kind, promise.entry, None if promise.kind == "call" else known)
