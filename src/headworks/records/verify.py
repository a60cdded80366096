"""Proves that every record is whole, present and in order, or names the first that is not.

Reads beside a running writer: size and root are taken once, rows never change, pruned ones are looked up as they are met.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from headworks.errors import HomeUnavailable
from headworks.records.checking import REQUEST, PairCheck, RowCheck
from headworks.records.columns import LEAF, Row
from headworks.records.content import ContentFiles
from headworks.records.findings import Finding, Verdict
from headworks.records.nodes import StoredTree
from headworks.records.note import Verifier
from headworks.records.opening import open_to_read
from headworks.records.pruned import Authorised
from headworks.records.tree import EMPTY_ROOT, Frontier
from headworks.stores.queries import load_queries

ROWS_AT_ONCE = 1024
MOST_FINDINGS = 20
MOST_REMEMBERED = 1000


class _Claimed(Struct, frozen=True):
    """What the file says of itself at one moment."""

    size: int
    frontier: bytes
    root: bytes
    last_seq: int
    running: frozenset[int]
    signed: tuple[tuple[int, bytes], ...]


def verify(home: Path, *, since: str | None = None, verifier: str | None = None) -> Verdict:
    """Check the whole record of a home, with or without a service running.

    `since` is a checkpoint kept elsewhere: a record that was rolled back or rewritten since then is found out, which
    nothing inside one home can do. `verifier` is the log's public key kept elsewhere; without it the file's own is used.
    Raises: HomeUnavailable when there is no record, ValueError when `since` or `verifier` is malformed or foreign.
    Cost: about 4 µs a record.
    """
    connection = open_to_read(home)
    try:
        return _Walk(connection, home, verifier).run(since)
    except apsw.Error as error:
        raise HomeUnavailable(f"records.db cannot be read: {error}.") from error
    finally:
        connection.close(True)


class _Walk:
    """One pass over the record, oldest first."""

    def __init__(self, connection: apsw.Connection, home: Path, verifier: str | None) -> None:
        self._connection = connection
        self._sql = load_queries(__package__, "records.sql")
        self._certain: dict[tuple[int, str], Finding] = {}
        self._derived: dict[tuple[int, str], Finding] = {}
        kept: str | None = connection.execute(self._sql["verifier"]).get
        if kept is None:
            raise HomeUnavailable("records.db holds no log.")
        self._verifier = Verifier.parse(verifier or kept)
        if verifier is not None and kept != self._verifier.text():
            self._suspect(0, "", "the log's public key was replaced")
        self._authorised = Authorised(connection, self._verifier)
        self._tree = StoredTree(connection)
        self._edge = Frontier()
        self._pruned = 0
        self._is_broken = False
        self._check_row = RowCheck(ContentFiles(home, "process"), self._verifier, self._report)
        self._check_pair = PairCheck(self._authorised.__contains__, self._suspect)

    def run(self, since: str | None) -> Verdict:
        """The verdict."""
        claimed = self._claims()
        marks = dict(claimed.signed)
        if since is not None:
            kept = self._verifier.open(since)
            marks.setdefault(kept.size, kept.root)
            if marks[kept.size] != kept.root:
                self._suspect(0, "", f"the checkpoint of {kept.size} records was rewritten")
        start = 0
        for size in sorted({*marks, claimed.size}):
            self._walk(start, min(size, claimed.size))
            start = min(size, claimed.size)
            self._check_mark(size, marks.get(size), claimed)
        self._check_end(claimed)
        certain, derived = (sorted(found.values(), key=_seq_of) for found in (self._certain, self._derived))
        findings = (*certain, *derived)[:MOST_FINDINGS]
        newest = max((size for size, _ in claimed.signed), default=0)
        return Verdict(claimed.size, self._pruned, newest, claimed.root.hex(), findings)

    def _claims(self) -> _Claimed:
        with self._connection:
            row = self._connection.execute(self._sql["tree"]).fetchone() or (0, b"", EMPTY_ROOT, 0)
            last_seq: int | None = self._connection.execute(self._sql["last_seq"]).get
            running = frozenset(seq for seq, _ in self._connection.execute(self._sql["running"]))
            notes = list(self._connection.execute(self._sql["checkpoints"]))
        return _Claimed(row[0], row[1], row[2], -1 if last_seq is None else last_seq, running, self._signed(notes))

    def _signed(self, notes: list[Any]) -> tuple[tuple[int, bytes], ...]:
        signed = []
        for size, note in notes:
            try:
                opened = self._verifier.open(note)
                if opened.size != size:
                    raise ValueError("its size is not the one it is filed under")
            except ValueError as error:
                self._suspect(max(0, size - 1), "", f"the signed checkpoint of {size} records: {error}")
            else:
                signed.append((size, opened.root))
        return tuple(signed)

    def _walk(self, start: int, end: int) -> None:
        while start < end:
            stop = min(end, (start // ROWS_AT_ONCE + 1) * ROWS_AT_ONCE)
            rows = self._connection.execute(self._sql["rows_between"], (start, stop)).fetchall()
            leaves = self._leaves(rows, start, stop)
            if leaves is None:
                self._is_broken = True
            elif not self._is_broken:
                self._check_nodes(leaves)
            start = stop

    def _leaves(self, rows: list[Row], start: int, stop: int) -> list[bytes] | None:
        check_row, check_pair = self._check_row, self._check_pair
        for row in rows:
            check_row(row)
            check_pair(row)
        if len(rows) == stop - start:
            return [row[LEAF] for row in rows]
        found = {row[0]: row[LEAF] for row in rows}
        for seq in range(start, stop):
            if seq not in found:
                self._find_pruned(seq, found)
        return [found[seq] for seq in range(start, stop)] if len(found) == stop - start else None

    def _find_pruned(self, seq: int, found: dict[int, bytes]) -> None:
        if seq not in self._authorised:
            self._authorised.load()
        leaf = self._tree.pruned_leaf(seq)
        if leaf is None or seq not in self._authorised:
            self._report(seq, "", "is missing, and no signed pruning names it")
        else:
            self._pruned += 1
        if leaf is not None:
            found[seq] = leaf

    def _check_nodes(self, leaves: list[bytes]) -> None:
        for level, position, digest in self._edge.extend(leaves):
            stored: bytes | None = self._connection.execute(self._sql["node"], (level, position)).get
            if stored != digest:
                first = position << level
                self._suspect(first, self._request_of(first), f"one of the {1 << level} records from here was replaced")

    def _check_mark(self, size: int, root: bytes | None, claimed: _Claimed) -> None:
        if size > claimed.size:
            self._suspect(claimed.size, "", f"is missing: a signed checkpoint counts {size} records")
        elif root is not None and not self._is_broken and self._edge.root() != root:
            self._suspect(max(0, size - 1), "", f"the first {size} records are not the ones that were signed for")

    def _check_end(self, claimed: _Claimed) -> None:
        if claimed.last_seq != claimed.size - 1:
            first = min(claimed.last_seq + 1, claimed.size)
            self._suspect(first, "", f"the tree counts {claimed.size} records, the rows end at {claimed.last_seq}")
        if not self._is_broken and (self._edge.root(), self._edge.packed()) != (claimed.root, claimed.frontier):
            self._suspect(max(0, claimed.size - 1), "", "the stored tree does not fit the records")
        self._check_pair.finish(set(claimed.running))

    def _request_of(self, seq: int) -> str:
        row = self._connection.execute(self._sql["record"], (seq,)).fetchone()
        return "" if row is None else str(row[REQUEST])

    def _report(self, seq: int, request_id: str, what: str) -> None:
        """This record is bad."""
        if len(self._certain) < MOST_REMEMBERED:
            self._certain.setdefault((seq, what), Finding(seq, request_id, what))

    def _suspect(self, seq: int, request_id: str, what: str) -> None:
        """Something does not fit together; one bad record often shows so in many places, so these come after."""
        if len(self._derived) < MOST_REMEMBERED:
            self._derived.setdefault((seq, what), Finding(seq, request_id, what))


def _seq_of(finding: Finding) -> int:
    return finding.seq
