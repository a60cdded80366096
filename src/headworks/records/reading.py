"""Reading the record, for the command line and the administration, with or without a service running.

Lists show what is clear in a row. Content is decrypted only after the reading itself was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from headworks.errors import HomeUnavailable, NotFound
from headworks.records.calls import call_of
from headworks.records.columns import Row, named
from headworks.records.contents import Contents
from headworks.records.kms import Kms
from headworks.records.nodes import StoredTree
from headworks.records.note import Verifier
from headworks.records.opening import open_to_read
from headworks.records.settings import RecordSettings
from headworks.records.tree import inclusion_path, root_from_inclusion
from headworks.stores.queries import load_queries
from headworks.units import SECOND_NS, minted_wall_ns

ROWS_AT_ONCE = 256
MOST_LISTED = 10_000
SEARCHED_S = (15, 300)
"""A request's rows are looked for this long after its id was minted, then everywhere."""
EARLY_S = 3
RecordAccess = Callable[[dict[str, Any]], None]
"""Makes the reading itself a durable record, before anything is decrypted; raises when it cannot."""


class Filter(Struct, frozen=True, kw_only=True):
    """Which calls to list; None means any."""

    endpoint: str | None = None
    caller: str | None = None
    outcome: str | None = None
    since_ns: int | None = None


class Proof(Struct, frozen=True):
    """That a record is in the tree: from its leaf and the path to the root (RFC 9162), and the note signed over it.

    Shapes: hashes as hex, the path from the leaf up. `note` is empty while no checkpoint covers the record yet.
    """

    seq: int
    leaf: str
    size: int
    root: str
    path: tuple[str, ...]
    note: str


class Records:
    """The record of one home, open for reading.

    Safe under: one thread at a time. Use as a context, or `close`.
    """

    def __init__(self, home: Path, kek_file: Path | None = None, kms: Kms | None = None) -> None:
        self._settings = RecordSettings(home=home, kek_file=kek_file)
        self._kms = kms
        self._sql = load_queries(__package__, "records.sql")
        self._connection = open_to_read(home)
        self._contents: Contents | None = None

    def __enter__(self) -> Records:
        """Itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the files."""
        self._connection.close(True)
        if self._contents is not None:
            self._contents.close()

    def newest(self, which: Filter = Filter(), most: int = 50, below: int | None = None) -> list[dict[str, Any]]:  # noqa: B008  # frozen
        """Calls, newest first, one object each; `below` continues after the last one's highest number."""
        found: list[dict[str, Any]] = []
        for row in self._rows_below(which, below):
            call = self._call(row)
            if call is not None and which.outcome in {None, call["outcome"]}:
                found.append(call)
            if len(found) >= min(most, MOST_LISTED):
                break
        return found

    def show(self, request_id: str, record_access: RecordAccess) -> dict[str, Any]:
        """One call with its content decrypted; that it was read is recorded first.

        Raises: NotFound; what `record_access` raises, and then nothing is shown.
        """
        row, opened = self._find(request_id)
        record_access({"read": "show", "request_id": request_id})
        return self._open_contents().shown(row, opened)

    def export(self, record_access: RecordAccess, which: Filter = Filter()) -> Iterator[bytes]:  # noqa: B008  # frozen
        """Every call with its content, oldest first, as JSON lines; that they were read is recorded first."""
        record_access({"read": "export", "filter": msgspec.to_builtins(which)})
        contents = self._open_contents()
        for row in self._rows_from(which):
            pair = self._pair(row)
            if pair is None:
                continue
            call = contents.shown(*pair)
            if which.outcome in {None, call["outcome"]}:
                yield msgspec.json.encode(call) + b"\n"

    def prove(self, seq: int) -> Proof:
        """The proof that a record is in the signed tree, or in the tree as it is when no signature covers it yet.

        Raises: NotFound, HomeUnavailable when the stored tree is damaged.
        Cost: a few milliseconds at any size.
        """
        with self._connection:
            tree: Any = self._connection.execute(self._sql["tree"]).fetchone() or (0,)
            signed: Any = self._connection.execute(self._sql["last_checkpoint"]).fetchone() or (0, "")
            size, note = signed if signed[0] > seq else (tree[0], "")
            if not 0 <= seq < size:
                raise NotFound(f"There is no record {seq}; the log holds {tree[0]}.")
            stored = StoredTree(self._connection)
            try:
                path = inclusion_path(seq, size, stored.root_of)
                leaf = stored.leaves(seq, seq + 1)[0]
            except LookupError as error:
                raise HomeUnavailable(f"{error}: run `headworks records verify`.") from error
        root = root_from_inclusion(leaf, seq, size, path)
        return Proof(seq, leaf.hex(), size, root.hex(), tuple(digest.hex() for digest in path), note)

    def checkpoint(self) -> str:
        """The newest signed checkpoint, to be kept elsewhere; empty when nothing was recorded yet."""
        row: Any = self._connection.execute(self._sql["last_checkpoint"]).fetchone()
        return "" if row is None else str(row[1])

    def verifier(self) -> Verifier:
        """The log's public key as the file names it."""
        return Verifier.parse(str(self._connection.execute(self._sql["verifier"]).get))

    def seqs_of(self, request_id: str) -> list[int]:
        """The record numbers of a request.

        Raises: NotFound.
        """
        row, opened = self._find(request_id)
        return [found[0] for found in (opened, row) if found is not None]

    def _rows_below(self, which: Filter, below: int | None) -> Iterator[Row]:
        size: Any = self._connection.execute(self._sql["tree"]).fetchone() or (0,)
        upper = size[0] if below is None else below
        asked = {"endpoint": which.endpoint, "caller": which.caller, "since_ns": which.since_ns, "most": ROWS_AT_ONCE}
        while True:
            rows = self._connection.execute(self._sql["rows_below"], {**asked, "below": upper}).fetchall()
            yield from rows
            if len(rows) < ROWS_AT_ONCE:
                return
            upper = rows[-1][0]

    def _rows_from(self, which: Filter) -> Iterator[Row]:
        asked = {"endpoint": which.endpoint, "caller": which.caller, "since_ns": which.since_ns, "most": ROWS_AT_ONCE}
        start = 0
        while True:
            rows: list[Any] = self._connection.execute(self._sql["rows_from"], {**asked, "start": start}).fetchall()
            yield from rows
            if len(rows) < ROWS_AT_ONCE:
                return
            start = rows[-1][0] + 1

    def _call(self, row: Row) -> dict[str, Any] | None:
        pair = self._pair(row)
        return None if pair is None else call_of(*pair)

    def _pair(self, row: Row) -> tuple[Row, Row | None] | None:
        """A row with its opened row; None for an opened row that a closed one stands for."""
        fields = named(row)
        if fields["kind"] == "opened":
            is_closed = self._connection.execute(self._sql["closing"], (fields["seq"],)).fetchone() is not None
            return None if is_closed else (row, None)
        if fields["refers_to"] is None:
            return row, None
        return row, self._connection.execute(self._sql["record"], (fields["refers_to"],)).fetchone()

    def _find(self, request_id: str) -> tuple[Row, Row | None]:
        seq = self._seq_of(request_id)
        row: Any = self._connection.execute(self._sql["record"], (seq,)).fetchone()
        if named(row)["kind"] == "opened":
            closing: Any = self._connection.execute(self._sql["closing"], (seq,)).fetchone()
            return (row, None) if closing is None else (closing, row)
        return row, None

    def _seq_of(self, request_id: str) -> int:
        """The first record of a request: the id tells when, the signed checkpoints tell which numbers that was."""
        for start, end in self._stretches(request_id):
            seq: int | None = self._connection.execute(self._sql["find_request"], (start, end, request_id)).get
            if seq is not None:
                return seq
        raise NotFound(f"There is no record of request {request_id[:40]}.")

    def _stretches(self, request_id: str) -> Iterator[tuple[int, int]]:
        size: Any = self._connection.execute(self._sql["tree"]).fetchone() or (0,)
        minted_ns = minted_wall_ns(request_id)
        if minted_ns is None:
            return
        early_ns = minted_ns - EARLY_S * SECOND_NS
        start: Any = self._connection.execute(self._sql["size_at"], (early_ns,)).get
        for later_s in SEARCHED_S:
            end: Any = self._connection.execute(self._sql["size_after"], (minted_ns + later_s * SECOND_NS,)).get
            yield start, size[0] if end is None else end
        yield 0, size[0]

    def _open_contents(self) -> Contents:
        if self._contents is None:
            self._contents = Contents(self._settings, self._kms)
        return self._contents


def own_verifier(home: Path, kek_file: Path | None = None, kms: Kms | None = None) -> str | None:
    """The log's public key as its secret key gives it, where the key file can be read; for `verify`."""
    try:
        contents = Contents(RecordSettings(home=home, kek_file=kek_file), kms)
    except (HomeUnavailable, apsw.Error):
        return None
    try:
        return contents.log.signer.verifier.text()
    finally:
        contents.close()
