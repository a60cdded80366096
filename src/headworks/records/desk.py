"""The record's side of the writer: what happens to a batch of entries between the queue and the hand-over.

Outside the transaction keys are found, content is sealed and leaves are made; inside it rows, tree and slots are written;
after it memory follows. When the transaction fails, memory stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import apsw

from headworks.errors import HeadworksError, Internal, RecordUnavailable
from headworks.recording import Opened
from headworks.records.chores import Chores, internal_put
from headworks.records.columns import LEAF, Row
from headworks.records.content import ContentFiles
from headworks.records.data_keys import DataKey, DataKeys, Wanted
from headworks.records.detail import detail_of, numbers_text
from headworks.records.erasure import Erase, Erased
from headworks.records.expiry import Expiry
from headworks.records.kms import Kms, home_key
from headworks.records.log_keys import LogKeys, has_secrets, open_log_keys, was_used
from headworks.records.opening import check_edge, foreign, lost
from headworks.records.recovery import UNKNOWN_OUTCOME
from headworks.records.refusals import Refusals
from headworks.records.replays import Change, Claim, Release, Replays
from headworks.records.sealing import Put, Sealer
from headworks.records.settings import RecordSettings
from headworks.records.spending import Reserve, Spending, is_beyond_sums
from headworks.records.tree import Frontier, Node
from headworks.stores.queries import load_queries
from headworks.stores.rows import RowInsert
from headworks.stores.work import File, Item, Result
from headworks.units import Clock

MOST_OPEN = 65536
BOUNDED = ("call", "opened")
"""Kinds that find no room when the disk's bound is reached; what the log says of itself does."""


class _Batch:
    """What one transaction is made of."""

    __slots__ = (
        "changes",
        "claims",
        "closed",
        "content_bytes",
        "edge",
        "erased",
        "nodes",
        "opened",
        "promise",
        "puts",
        "reserves",
        "results",
        "rows",
    )

    def __init__(self, edge: Frontier, content_bytes: int) -> None:
        self.edge = edge
        self.content_bytes = content_bytes
        self.puts: list[Put] = []
        self.reserves: list[Reserve] = []
        self.claims: list[Claim] = []
        self.opened: dict[int, Put] = {}
        self.closed: dict[int, Put] = {}
        self.promise = 0
        self.erased: list[bytes] = []
        self.rows: list[Row] = []
        self.nodes: list[Node] = []
        self.changes: list[Change] = []
        self.results: list[Result] = []


class RecordDesk:
    """Implements the writer's Desk for the record; every method runs on the writer's thread."""

    log: LogKeys
    kms: Kms
    keys: DataKeys
    replays: Replays
    files: ContentFiles
    _sealer: Sealer
    _chores: Chores

    def __init__(self, settings: RecordSettings, clock: Clock, refusals: Refusals, kms: Kms | None) -> None:
        self.settings = settings
        self.clock = clock
        self.refusals = refusals
        self.sql = load_queries(__package__, "records.sql")
        self._insert = RowInsert(self.sql["insert_record"])
        self._insert_running = RowInsert(self.sql["start_running"])
        self.expiry = Expiry()
        self.spending = Spending()
        self.edge = Frontier()
        self.content_bytes = 0
        self.running: dict[int, bytes | None] = {}
        self.promised = 0
        self.is_full = False
        self._kms = kms
        self._is_loaded = False
        self._connections: Mapping[File, apsw.Connection] = {}
        self._batch = _Batch(self.edge, 0)

    @property
    def chores(self) -> Chores:
        """What is done between batches."""
        return self._chores

    def load(self, files: Mapping[File, apsw.Connection]) -> None:
        """Take the connections; on the first time also the log's keys, and a look at what a crash left.

        Raises: HomeUnavailable when keys and records do not belong together or the edge of the tree does not hold.
        """
        self._connections = files
        records = files["records"]
        if not self._is_loaded:
            self._open_log(records, files["keys"])
        row = records.execute(self.sql["tree"]).fetchone()
        size, packed, root, self.content_bytes = row or (0, b"", Frontier().root(), 0)
        self.edge = check_edge(records, self.log.signer.verifier, (size, packed, root))
        self.running = dict(records.execute(self.sql["running"]))
        self.promised = records.execute(self.sql["promise"]).get or 0
        self.spending.forget()
        self.replays.load(records)
        if not self._is_loaded:
            self.files.recover(lambda seq: records.execute(self.sql["digests"], (seq,)).fetchone() or ())
        self._chores.load(records)
        self._is_loaded = True

    def prepare(self, items: list[Item]) -> None:
        """Sort the items, find their keys, seal them: what came before an erasure under keys that it then destroys."""
        batch = self._batch = _Batch(self.edge.copy(), self.content_bytes)
        puts: list[Put] = []
        for item in items:
            if item.promise:
                if item.promise <= self.promised:  # a commit that failed had arrived all the same
                    batch.results.append((item.pending, None, None))
                    continue
                batch.promise = item.promise
            if type(item) is Put:
                puts.append(item)
            elif type(item) is Claim:
                batch.claims.append(item)
            elif type(item) is Reserve:
                batch.reserves.append(item)
            elif type(item) is Release:
                self.replays.release(item.slot.slot)
                batch.results.append((item.pending, None, None))
            elif type(item) is Erase:
                self._seal(batch, puts)
                puts = [self._erase(item)]
        if puts:
            self._seal(batch, puts)
            batch.content_bytes += self.files.born_bytes
            self.files.sync()
        if batch.reserves:
            self._check_reserves(batch)

    def write(self, connection: apsw.Connection) -> None:
        """Rows, tree, running calls and slots, in the caller's transaction."""
        batch = self._batch
        if batch.rows:
            self._insert.insert(connection, batch.rows)
            if batch.nodes:
                connection.executemany(self.sql["insert_node"], batch.nodes)
            edge = batch.edge
            connection.execute(self.sql["set_tree"], (edge.size, edge.packed(), edge.root(), batch.content_bytes))
            self.expiry.write(connection, batch.rows)
            if batch.opened or batch.closed:
                self._write_running(connection, batch)
        if batch.opened or batch.closed or batch.reserves:
            self.spending.write(connection, list(batch.opened.values()), batch.closed, batch.reserves)
        if batch.promise:
            connection.execute(self.sql["set_promise"], (batch.promise,))
        if batch.changes:
            self.replays.write(connection, batch.changes)
        for claim in batch.claims:
            batch.results.append(self._claim(connection, claim))

    def committed(self) -> list[Result]:
        """Memory follows the file; everybody in the batch is answered."""
        batch = self._batch
        self.edge = batch.edge
        self.content_bytes = batch.content_bytes
        self.promised = batch.promise or self.promised
        self.files.settle()
        self.replays.committed(batch.changes)
        results = batch.results
        results += [(item.pending, None, None) for item in batch.reserves]
        for put in batch.puts:
            if put.kind == "call":
                results.append((put.pending, None, None))
            else:
                results.append((put.pending, self._note(put), None))
        for owner in batch.erased:
            with suppress(
                apsw.Error
            ):  # the rows are there, whatever becomes of this: the next start would say it once more
                self.keys.mark_recorded(self._connections["keys"], owner)
        self._batch = _Batch(self.edge, self.content_bytes)
        return results

    def forget(self) -> None:
        """The transaction was undone; calls whose answer was to be kept give their slots back."""
        self.files.undo()
        self.expiry.forget()
        self.spending.forget()
        batch = self._batch
        for put in batch.puts:
            self._give_back(put)
        for claim in batch.claims:
            if any(pending is claim.pending and error is None for pending, _, error in batch.results):
                self.replays.release(claim.slot.slot)
        self._batch = _Batch(self.edge, self.content_bytes)

    def rest(self, connection: apsw.Connection) -> bool:
        """Chores, at most once a second unless some are left over."""
        return self._chores.run(connection)

    def leave(self, connection: apsw.Connection) -> None:
        """The last chores before the files close."""
        self._chores.finish(connection)

    def drop_content(self, seq: int, digest: bytes) -> None:
        """Set a content file aside within the current transaction."""
        self._batch.content_bytes -= self.files.remove(seq, digest)

    def _open_log(self, records: apsw.Connection, keys: apsw.Connection) -> None:
        records.execute(self.sql["create"])
        self.spending.create(records)
        verifier: str | None = records.execute(self.sql["verifier"]).get
        is_new = not has_secrets(keys) and verifier is None
        kms = self.kms = self._kms or home_key(self.settings, may_create=is_new)
        self.log = open_log_keys(keys, kms, may_create=is_new)
        ours = self.log.signer.verifier.text()
        if verifier is None and was_used(keys):
            raise lost()
        if verifier is None:
            records.execute(self.sql["set_verifier"], (ours,))
        elif verifier != ours:
            raise foreign()
        self.keys = DataKeys(kms, self.log, self.settings.data_keys_cached)
        self.files = ContentFiles(self.settings.home, self.settings.durable)
        self.replays = Replays(self.settings, self.clock, self.keys)
        self._sealer = Sealer(self.settings, self.log, self.files)
        self._chores = Chores(self)

    def _seal(self, batch: _Batch, puts: list[Put]) -> None:
        wants = [self._sealer.wanted(put.entry) for put in puts]
        held = self._keys_for(wants)
        row_of, seq, files, before = self._sealer.row, batch.edge.size, self.files, len(batch.rows)
        for put, wanted in zip(puts, wants, strict=True):
            try:
                key = None if wanted is None else held[wanted]
                if put.kind != "call" or self.is_full:
                    self._check(batch, put)
                if is_beyond_sums(put.entry):
                    raise ValueError("a figure of its use or cost is larger than any call's can be")
                row = row_of(put, seq, key)
                if put.entry.idempotency is not None:
                    self._keep_slot(batch, put, key)
            except Exception as error:  # one entry that cannot be sealed must not fail its neighbours
                if put.promise and isinstance(error, OSError):
                    raise  # it waits with the store until there is room
                files.undo_of(seq)
                self._give_up(batch, put, _own_error(error))
                continue
            self._note_opened(batch, put, seq)
            put.seq = seq
            seq += 1
            batch.rows.append(row)
            batch.puts.append(put)
        batch.nodes += batch.edge.extend([row[LEAF] for row in batch.rows[before:]])

    @staticmethod
    def _note_opened(batch: _Batch, put: Put, seq: int) -> None:
        if put.opened is None:
            return
        if put.kind == "opened":
            put.opened.number = seq
            batch.opened[seq] = put
        else:
            batch.closed[put.opened.number] = put

    def _give_up(self, batch: _Batch, put: Put, error: Exception) -> None:
        batch.results.append((put.pending, None, error))
        self._give_back(put)

    def _give_back(self, put: Put) -> None:
        if put.entry.idempotency is not None and put.kind == "call":
            self.replays.release(put.entry.idempotency.slot)

    def _keys_for(self, wants: list[Wanted | None]) -> dict[Wanted, DataKey]:
        held: dict[Wanted, DataKey] = {}
        missing: set[Wanted] = set()
        for wanted in set(wants):
            if wanted is None:
                continue
            key = self.keys.cached(wanted)
            if key is None:
                missing.add(wanted)
            else:
                held[wanted] = key
        if missing:
            held |= self.keys.ensure(self._connections["keys"], missing, self.clock.wall_ns())
        return held

    def _check(self, batch: _Batch, put: Put) -> None:
        """Whether a row may be written; one that was promised finds room."""
        if put.kind == "closed" and put.opened is not None:
            if not self._is_open(batch, put.opened) or put.opened.number in batch.closed:
                raise _not_open(put.opened)
        elif put.kind in BOUNDED and not put.promise and (self.is_full or len(self.running) >= MOST_OPEN):
            raise _full()

    def _is_open(self, batch: _Batch, opened: Opened) -> bool:
        """Whether a call is under way: its opened row was written before, or is being written."""
        return opened.number in self.running or opened.number in batch.opened

    def _check_reserves(self, batch: _Batch) -> None:
        """One more attempt, of a call that is under way; else nothing may be sent for it."""
        reserves, batch.reserves = batch.reserves, []
        for item in reserves:
            if self._is_open(batch, item.opened):
                batch.reserves.append(item)
            else:
                batch.results.append((item.pending, None, _not_open(item.opened)))

    def _keep_slot(self, batch: _Batch, put: Put, key: DataKey | None) -> None:
        if put.kind == "opened":
            batch.changes.append(self.replays.opened(put))
        elif key is not None:
            batch.changes.append(self.replays.ended(put, key, self._sealer))

    def _write_running(self, connection: apsw.Connection, batch: _Batch) -> None:
        self._insert_running.insert(connection, [(put.seq, _slot(put)) for put in batch.opened.values()])
        if not batch.closed:
            return
        if len(batch.closed) == 1:
            connection.execute(self.sql["end_running"], tuple(batch.closed))
        else:
            connection.execute(self.sql["end_all_running"], (numbers_text(batch.closed),))
        for number, put in batch.closed.items():
            slot_left = self.running.get(number)
            if slot_left is None or put.entry.idempotency is not None:
                continue
            if put.entry.outcome == UNKNOWN_OUTCOME:
                self.replays.orphan(connection, slot_left)
            else:
                self.replays.free(connection, slot_left)

    def _note(self, put: Put) -> Opened | Erased | None:
        if put.kind == "opened":
            self.running[put.seq] = _slot(put)
            return put.opened
        if put.kind == "closed" and put.opened is not None:
            self.running.pop(put.opened.number, None)
            return None
        if put.kind == "erased" and put.detail is not None:
            return Erased(put.seq, len(detail_of(put.detail)["data_keys"]))
        return None

    def _claim(self, connection: apsw.Connection, claim: Claim) -> Result:
        try:
            return claim.pending, self.replays.claim(connection, self._connections["keys"], claim.slot), None
        except HeadworksError as error:
            return claim.pending, None, error

    def _erase(self, item: Erase) -> Put:
        """Destroy the keys first; should a crash keep the tombstone from the record, the next start writes it."""
        keys = self._connections["keys"]
        self.keys.destroy(keys, item.owner, self.clock.wall_ns())
        numbers = self.keys.unrecorded(keys).get(item.owner, [])
        self._batch.erased.append(item.owner)
        detail = {"owner": item.owner.hex(), "data_keys": numbers}
        return internal_put("erased", detail, self.clock.wall_ns(), item.pending, item.actor)


def _slot(put: Put) -> bytes | None:
    return None if put.entry.idempotency is None else put.entry.idempotency.slot


def _not_open(opened: Opened) -> Internal:
    return Internal(reason=f"record {opened.number} of {opened.request_id} is not open")


def _full() -> RecordUnavailable:
    return RecordUnavailable("The space for records is used up.", reason="max_disk_bytes reached, or too many open")


def _own_error(error: Exception) -> Exception:
    if isinstance(error, HeadworksError):
        return error
    if isinstance(error, OSError):
        return RecordUnavailable(reason=f"content file: {error}", retry_after_s=1.0)
    return Internal(reason=f"the entry cannot be recorded: {error!r}")
