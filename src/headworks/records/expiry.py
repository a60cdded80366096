"""When records expire, without an index on them: for each block of 4096 numbers, when its first one does."""

from __future__ import annotations

import apsw

from headworks.records.columns import EXPIRES, Row
from headworks.stores.queries import load_queries
from headworks.units import SECOND_NS

BLOCK = 4096
LOOK_AGAIN_NS = 3600 * SECOND_NS
"""A running stream may hold an expired row; look at its block again after this."""


class Expiry:
    """Keeps the table `expiry`.

    Cost: 0.2 µs a record, one small row for each 4096.
    Safe under: the writer's thread.
    """

    def __init__(self) -> None:
        self._sql = load_queries(__package__, "records.sql")
        self._block = -1
        self._earliest_ns = 0

    def forget(self) -> None:
        """Nothing in memory is certain any more."""
        self._block = -1

    def write(self, connection: apsw.Connection, rows: list[Row]) -> None:
        """Note when new rows expire, inside their transaction."""
        for row in rows:
            expires_ns = row[EXPIRES]
            if expires_ns is None or (row[0] // BLOCK == self._block and expires_ns >= self._earliest_ns):
                continue
            self._block, self._earliest_ns = row[0] // BLOCK, expires_ns
            connection.execute(self._sql["note_expiry"], (self._block, expires_ns))

    def expired(self, connection: apsw.Connection, now_ns: int, most: int) -> list[Row] | None:
        """Rows of one block that may go now, at most so many; None when no block has any."""
        block: int | None = connection.execute(self._sql["expired_block"], (now_ns,)).get
        if block is None:
            return None
        start = block * BLOCK
        rows = connection.execute(self._sql["expired"], (start, start + BLOCK, now_ns, most)).fetchall()
        if not rows:
            self._settle(connection, block, now_ns)
        return rows

    def _settle(self, connection: apsw.Connection, block: int, now_ns: int) -> None:
        earliest_ns: int | None = connection.execute(
            self._sql["block_expiry"], (block * BLOCK, (block + 1) * BLOCK)
        ).get
        if earliest_ns is None:
            connection.execute(self._sql["drop_expiry"], (block,))
        else:
            later_ns = earliest_ns if earliest_ns > now_ns else now_ns + LOOK_AGAIN_NS
            connection.execute(self._sql["set_expiry"], (block, later_ns))
        self.forget()
