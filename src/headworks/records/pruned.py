"""Which records may be missing: those that a signed row of the log says were pruned."""

from __future__ import annotations

from bisect import bisect_right

import apsw

from headworks.records.detail import detail_of
from headworks.records.note import Verifier
from headworks.records.sealing import signed_text
from headworks.stores.queries import load_queries


def log_id_of(verifier: Verifier) -> str:
    """The log's id, the last part of its name."""
    return verifier.origin.rpartition("/")[2]


def is_signed_row(verifier: Verifier, seq: int, kind: str, detail: str | None, signature: bytes) -> bool:
    """Whether the log itself wrote this pruning or erasure."""
    return verifier.is_signed(signed_text(log_id_of(verifier), seq, kind, detail), signature)


class Authorised:
    """Ranges of pruned numbers, from the signed rows; read again when a number is not among them."""

    def __init__(self, connection: apsw.Connection, verifier: Verifier) -> None:
        self._connection = connection
        self._verifier = verifier
        self._sql = load_queries(__package__, "records.sql")
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.load()

    def load(self) -> None:
        """Read every signed pruning."""
        ranges: list[tuple[int, int]] = []
        for seq, kind, detail, signature in self._connection.execute(self._sql["signed_rows"]):
            if kind == "pruned" and is_signed_row(self._verifier, seq, kind, detail, signature):
                ranges += [(start, end) for start, end in detail_of(detail)["ranges"]]
        ranges.sort()
        self._starts = [start for start, _ in ranges]
        self._ends = [end for _, end in ranges]

    def __contains__(self, seq: int) -> bool:
        """Whether the number was pruned."""
        at = bisect_right(self._starts, seq) - 1
        return at >= 0 and seq <= self._ends[at]
