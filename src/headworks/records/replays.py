"""Idempotency-Key: who runs, and the answers of those that ran, encrypted and bounded.

A slot's life: nothing -> running (memory) -> answered (row). A call that ends without an answer to keep gives the slot back.
kill -9 while a unary call runs leaves nothing: the retry runs anew. A stream's slot is a row from its `opened` record on
(state `opened`): after its end the events are replayed when they fit; when it failed or its reader left, the slot is given
back; after a crash nobody knows how much of the work was done, and the key is spent (state `unknown`), as it is when an
answer is too large to keep.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import apsw

from headworks.errors import IdempotencyMismatch, IdempotencyRunning, IdempotencySpent, Overloaded
from headworks.pending import Pending
from headworks.recording import IdempotencySlot, Replay
from headworks.records.data_keys import DataKey, DataKeys, KeyDestroyed
from headworks.records.detail import numbers_text
from headworks.records.sealing import Put, Sealer
from headworks.records.settings import RecordSettings
from headworks.stores.queries import load_queries
from headworks.stores.work import Item
from headworks.units import SECOND_NS, Clock, RequestId

MOST_RUNNING = 65536
EVICTED_AT_ONCE = 256
_UNKNOWN = "The first call with this Idempotency-Key was cut off by a restart; whether it took effect is unknown."
_TOO_LARGE = "The first call with this Idempotency-Key succeeded, but its answer is too large to be kept."
_ERASED = "The first call with this Idempotency-Key ended; its answer was erased."


class Change(NamedTuple):
    """A slot's row to write, and whether it is its first."""

    row: tuple[Any, ...]
    is_first: bool
    size_bytes: int


class Claim(Item):
    """A slot to look up and claim."""

    __slots__ = ("slot",)

    def __init__(self, pending: Pending[Replay | None], slot: IdempotencySlot) -> None:
        super().__init__(pending)
        self.slot = slot


class Release(Item):
    """A slot to give up."""

    __slots__ = ("slot",)

    def __init__(self, pending: Pending[None], slot: IdempotencySlot) -> None:
        super().__init__(pending)
        self.slot = slot


class Replays:
    """The slots.

    Safe under: the writer's thread.
    """

    def __init__(self, settings: RecordSettings, clock: Clock, keys: DataKeys) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._sql = load_queries(__package__, "records.sql")
        self._running: dict[bytes, bytes] = {}
        self.count = 0
        self.size_bytes = 0

    def load(self, connection: apsw.Connection) -> None:
        """Count what is kept; what runs stays in memory."""
        self.count, self.size_bytes = connection.execute(self._sql["replay_usage"]).get

    def claim(self, records: apsw.Connection, keys: apsw.Connection, slot: IdempotencySlot) -> Replay | None:
        """The kept answer, or None: the slot now runs.

        Raises: IdempotencyRunning, IdempotencyMismatch, IdempotencySpent, Overloaded.
        """
        row = records.execute(self._sql["replay"], (slot.slot,)).fetchone()
        running = self._running.get(slot.slot)
        if running is not None or (row is not None and row[2] == "opened"):
            if slot.body != (row[1] if running is None and row is not None else running):
                raise IdempotencyMismatch
            raise IdempotencyRunning(retry_after_s=1.0)
        if row is not None:
            if row[8] > self._clock.wall_ns() - self._age_ns:
                return self._replay(keys, slot, row)
            self.drop(records, [(row[0], len(row[7] or b""))])
        if len(self._running) >= MOST_RUNNING:
            raise Overloaded(retry_after_s=1.0, reason="too many idempotency keys run")
        self._running[slot.slot] = slot.body
        return None

    def release(self, slot: bytes) -> None:
        """The slot's call ended; another may run."""
        self._running.pop(slot, None)

    def ended(self, put: Put, key: DataKey, sealer: Sealer) -> Change:
        """The row that keeps a call's answer."""
        entry, slot = put.entry, _slot_of(put)
        answer = None
        if max(len(entry.output), entry.output_bytes) <= self._settings.replay_answer_bytes:
            answer = sealer.answer(slot.slot, key, entry.output)
        media, at_ns = entry.output_media, self._clock.wall_ns()
        row = (slot.slot, slot.body, "answered", entry.request_id, entry.status, media, key.id, answer, at_ns)
        return Change(row, put.kind != "closed", len(answer or b""))

    def opened(self, put: Put) -> Change:
        """The row that remembers a stream's slot while it runs."""
        entry, slot = put.entry, _slot_of(put)
        row = (slot.slot, slot.body, "opened", entry.request_id, 0, "", None, None, self._clock.wall_ns())
        return Change(row, is_first=True, size_bytes=0)

    def write(self, connection: apsw.Connection, changes: list[Change]) -> None:
        """Keep the rows, inside the transaction of their records."""
        connection.executemany(self._sql["set_replay"], [change.row for change in changes])

    def committed(self, changes: list[Change]) -> None:
        """Those rows are durable."""
        for change in changes:
            self._running.pop(change.row[0], None)
            self.count += change.is_first
            self.size_bytes += change.size_bytes

    def orphan(self, connection: apsw.Connection, slot: bytes) -> None:
        """The slot's stream was cut off by a crash."""
        connection.execute(self._sql["orphan_replay"], (slot,))

    def free(self, connection: apsw.Connection, slot: bytes) -> None:
        """The slot's stream ended without an answer to keep; another may run."""
        row: tuple[int] | None = connection.execute(self._sql["replay"], (slot,)).fetchone()
        if row is not None:
            self.drop(connection, [(row[0], 0)])

    def stale(self, connection: apsw.Connection) -> list[tuple[int, int]]:
        """What is too old or too much, oldest first, a bounded number: (row, bytes) for `drop`."""
        if not self.count:
            return []
        oldest_ns = self._clock.wall_ns() - self._age_ns
        count, size_bytes = self.count, self.size_bytes
        found = []
        rows: list[Any] = connection.execute(self._sql["oldest_replays"], (EVICTED_AT_ONCE,)).fetchall()
        for number, at_ns, row_bytes in rows:
            if at_ns > oldest_ns and count <= self._settings.replay_count and size_bytes <= self._settings.replay_bytes:
                break
            found.append((number, row_bytes))
            count -= 1
            size_bytes -= row_bytes
        return found

    def drop(self, connection: apsw.Connection, stale: list[tuple[int, int]]) -> None:
        """Forget rows."""
        connection.execute(self._sql["drop_replays"], (numbers_text(number for number, _ in stale),))
        self.count -= len(stale)
        self.size_bytes -= sum(size_bytes for _, size_bytes in stale)

    @property
    def _age_ns(self) -> int:
        return int(self._settings.replay_age_s * SECOND_NS)

    def _replay(self, keys: apsw.Connection, slot: IdempotencySlot, row: tuple[Any, ...]) -> Replay:
        _, body, state, request_id, status, media, data_key, answer, _ = row
        if body != slot.body:
            raise IdempotencyMismatch
        if state == "unknown":
            raise IdempotencySpent(_UNKNOWN)
        if answer is None:
            raise IdempotencySpent(_TOO_LARGE)
        try:
            key = self._keys.by_id(keys, data_key)
            clear = key.open(answer, key.place("answer") + slot.slot)
        except KeyDestroyed:
            raise IdempotencySpent(_ERASED) from None
        return Replay(RequestId(request_id), status, media, clear)


def _slot_of(put: Put) -> IdempotencySlot:
    if put.entry.idempotency is None:
        raise ValueError("the entry has no idempotency slot")
    return put.entry.idempotency
