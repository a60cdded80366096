"""The tree as it is stored: leaves in the rows (or, once pruned, beside them), every complete 256^n subtree in `nodes`."""

from __future__ import annotations

from typing import Any

import apsw

from headworks.records.tree import HASH_BYTES, STORED_EVERY, node_hash
from headworks.stores.queries import load_queries

CHUNK = 256
HOLE = b"\x00" * HASH_BYTES


class StoredTree:
    """Hashes of complete subtrees, read through one connection.

    Cost: at most 128 rows for one subtree, about 255 a level group for one proof.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._sql = load_queries(__package__, "records.sql")

    def root_of(self, level: int, position: int) -> bytes:
        """The hash of the complete subtree at (level, position).

        Raises: LookupError when a leaf or node that must be there is missing.
        """
        below = level % STORED_EVERY
        stored = level - below
        hashes = self._stored(stored, position << below, 1 << below)
        while len(hashes) > 1:
            hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    def leaves(self, start: int, end: int) -> list[bytes]:
        """The leaves start..end-1, pruned ones included.

        Raises: LookupError when one is missing.
        """
        found = dict(self._connection.execute(self._sql["leaves_between"], (start, end)))
        if len(found) < end - start:
            for seq, leaf in self._pruned(start, end):
                found.setdefault(seq, leaf)
        if len(found) < end - start:
            raise LookupError(f"a leaf between {start} and {end} is missing")
        return [found[seq] for seq in range(start, end)]

    def pruned_leaf(self, seq: int) -> bytes | None:
        """The leaf of a pruned record; None when it was not pruned."""
        return next((leaf for _, leaf in self._pruned(seq, seq + 1)), None)

    def _stored(self, level: int, start: int, count: int) -> list[bytes]:
        if level == 0:
            return self.leaves(start, start + count)
        rows: list[Any] = self._connection.execute(self._sql["nodes_between"], (level, start, start + count)).fetchall()
        if len(rows) != count:
            raise LookupError(f"a node of level {level} between {start} and {start + count} is missing")
        return [row[0] for row in rows]

    def _pruned(self, start: int, end: int) -> list[tuple[int, bytes]]:
        found = []
        for chunk in range(start // CHUNK, (end - 1) // CHUNK + 1):
            leaves: bytes = self._connection.execute(self._sql["pruned_chunk"], (chunk,)).get or b""
            first = chunk * CHUNK
            for seq in range(max(start, first), min(end, first + CHUNK)):
                leaf = leaves[(seq - first) * HASH_BYTES : (seq - first + 1) * HASH_BYTES]
                if leaf and leaf != HOLE:
                    found.append((seq, leaf))
        return found


def add_to_chunk(leaves: bytes | None, members: dict[int, bytes]) -> bytes:
    """A chunk's leaves with those of further pruned records, by their place 0..255."""
    chunk = bytearray(leaves or HOLE * CHUNK)
    for place, leaf in members.items():
        chunk[place * HASH_BYTES : (place + 1) * HASH_BYTES] = leaf
    return bytes(chunk)
