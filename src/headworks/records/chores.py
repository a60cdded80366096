"""What the writer does for the record between batches: sign, count refusals, forget old answers, prune."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import apsw
from msgspec import Struct

from headworks.pending import Pending
from headworks.recording import Entry
from headworks.records.detail import detail_text, numbers_text, ranges_of
from headworks.records.expiry import Expiry
from headworks.records.log_keys import LogKeys
from headworks.records.nodes import CHUNK, add_to_chunk
from headworks.records.refusals import Refusals, Refused
from headworks.records.replays import EVICTED_AT_ONCE, Replays
from headworks.records.sealing import Put
from headworks.records.settings import RecordSettings
from headworks.records.tree import Frontier
from headworks.stores.queries import load_queries
from headworks.stores.work import Item, Result
from headworks.units import SECOND_NS, Clock, RequestId
from headworks.values import RecordMode

PRUNED_AT_ONCE = 256
CHECKPOINTS_KEPT_NS = 3600 * SECOND_NS


class Usage(Struct, frozen=True):
    """How much disk the record takes, and what bounds it."""

    records: int
    database_bytes: int
    content_bytes: int
    max_disk_bytes: int
    replays: int
    replay_bytes: int
    is_full: bool


class Log(Protocol):
    """What chores need of the desk they are done at."""

    settings: RecordSettings
    clock: Clock
    refusals: Refusals
    log: LogKeys
    replays: Replays
    expiry: Expiry
    edge: Frontier
    content_bytes: int
    is_full: bool

    def prepare(self, items: list[Item]) -> None:
        """Seal rows."""

    def write(self, connection: apsw.Connection) -> None:
        """Write what was sealed."""

    def committed(self) -> list[Result]:
        """Memory follows."""

    def drop_content(self, seq: int, digest: bytes) -> None:
        """Set a content file aside."""


class Chores:
    """Bounded work between batches.

    Safe under: the writer's thread.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._sql = load_queries(__package__, "records.sql")
        self._due_ns = 0
        self._signed_size = 0
        self._thin_due_ns = 0
        self._has_backlog = False
        self._oldest_seq = 0
        self._is_over = False
        settings = log.settings
        self.usage = Usage(0, 0, 0, settings.max_disk_bytes, 0, 0, is_full=False)

    def load(self, connection: apsw.Connection) -> None:
        """Look at what is signed and how much is used."""
        newest: Any = connection.execute(self._sql["last_checkpoint"]).fetchone()
        self._signed_size = 0 if newest is None else newest[0]
        self._look_at_disk(connection)

    def run(self, connection: apsw.Connection) -> bool:
        """Do what is due; True when more waits."""
        now_ns = self._log.clock.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + SECOND_NS
            self._each_second(connection, self._log.refusals.take(now_ns))
            self._has_backlog = True
        if self._has_backlog:
            has_stale = self._evict(connection)
            self._has_backlog = self._prune(connection) or has_stale
        return self._has_backlog

    def finish(self, connection: apsw.Connection) -> None:
        """What a clean stop owes: the last refusals, and a signature over everything."""
        self._each_second(connection, self._log.refusals.take_all())

    def _each_second(self, connection: apsw.Connection, refused: list[Refused]) -> None:
        if refused:
            self._commit(connection, [self._refusal(one) for one in refused], lambda _: None)
        self._sign(connection)
        self._look_at_disk(connection)
        if self._log.clock.monotonic_ns() >= self._thin_due_ns:
            self._thin_due_ns = self._log.clock.monotonic_ns() + CHECKPOINTS_KEPT_NS
            connection.execute(self._sql["thin_checkpoints"], (self._log.clock.wall_ns() - CHECKPOINTS_KEPT_NS,))

    def _sign(self, connection: apsw.Connection) -> None:
        edge = self._log.edge
        if edge.size <= self._signed_size:
            return
        note = self._log.log.signer.note(edge.size, edge.root())
        connection.execute(self._sql["insert_checkpoint"], (edge.size, self._log.clock.wall_ns(), note))
        self._signed_size = edge.size

    def _look_at_disk(self, connection: apsw.Connection) -> None:
        log, settings = self._log, self._log.settings
        pages = connection.pragma("page_count") - connection.pragma("freelist_count")
        database_bytes = pages * connection.pragma("page_size")
        self._is_over = database_bytes + log.content_bytes > settings.max_disk_bytes
        if not self._is_over or settings.when_full == "refuse":
            log.is_full = self._is_over
        self.usage = Usage(
            records=log.edge.size,
            database_bytes=database_bytes,
            content_bytes=log.content_bytes,
            max_disk_bytes=settings.max_disk_bytes,
            replays=log.replays.count,
            replay_bytes=log.replays.size_bytes,
            is_full=log.is_full,
        )

    def _evict(self, connection: apsw.Connection) -> bool:
        stale = self._log.replays.stale(connection)
        if stale:
            self._commit(connection, [], lambda inside: self._log.replays.drop(inside, stale))
        return len(stale) == EVICTED_AT_ONCE

    def _prune(self, connection: apsw.Connection) -> bool:
        now_ns = self._log.clock.wall_ns()
        rows = self._log.expiry.expired(connection, now_ns, PRUNED_AT_ONCE)
        if rows is not None:
            if rows:
                self._drop(connection, rows, "retention")
            return True
        if not self._is_over or self._log.settings.when_full == "refuse":
            return False
        rows = connection.execute(self._sql["oldest"], (self._oldest_seq, PRUNED_AT_ONCE)).fetchall()
        if not rows:
            self._log.is_full = True
            return False
        self._drop(connection, rows, "disk")
        self._oldest_seq = rows[-1][0]
        self._look_at_disk(connection)
        return self._is_over

    def _drop(self, connection: apsw.Connection, rows: list[Any], reason: str) -> None:
        """Delete rows and content; their leaves stay, and a signed row says which and why."""
        chunks: dict[int, dict[int, bytes]] = {}
        for seq, leaf, *_ in rows:
            chunks.setdefault(seq // CHUNK, {})[seq % CHUNK] = leaf
        detail = {"reason": reason, "ranges": ranges_of(sorted(row[0] for row in rows))}

        def _delete(connection: apsw.Connection) -> None:
            connection.execute(self._sql["delete_records"], (numbers_text(row[0] for row in rows),))
            for chunk, members in chunks.items():
                kept: bytes | None = connection.execute(self._sql["pruned_chunk"], (chunk,)).get
                connection.execute(self._sql["set_pruned_chunk"], (chunk, add_to_chunk(kept, members)))
            for seq, _, content_digest in rows:
                if content_digest is not None:
                    self._log.drop_content(seq, content_digest)

        self._commit(connection, [internal_put("pruned", detail, self._log.clock.wall_ns())], _delete)

    def _commit(self, connection: apsw.Connection, puts: list[Put], more: Callable[[apsw.Connection], None]) -> None:
        self._log.prepare(list(puts))
        connection.execute("BEGIN IMMEDIATE")
        more(connection)
        self._log.write(connection)
        connection.execute("COMMIT")
        self._log.committed()

    def _refusal(self, refused: Refused) -> Put:
        entry = Entry(
            RequestId(""),
            self._log.clock.wall_ns(),
            refused.route,
            outcome=refused.code,
            mode=RecordMode.NONE,
            retention_s=self._log.settings.refusal_retention_s,
        )
        return Put(Pending(), "refusals", entry, detail=detail_text({"source": refused.source, "count": refused.count}))


def internal_put(
    kind: str, detail: dict[str, Any], wall_ns: int, pending: Pending[Any] | None = None, actor: str = ""
) -> Put:
    """A signed row of the log's own doing, or of somebody's who may have things done to it."""
    entry = Entry(RequestId(""), wall_ns, "", "internal", actor, mode=RecordMode.NONE, outcome=kind)
    return Put(pending or Pending(), kind, entry, detail=detail_text(detail), is_signed=True)
