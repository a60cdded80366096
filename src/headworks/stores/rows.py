"""Many rows by few statements.

Each step of a statement lets go of the interpreter and then has to get it back from a busy event loop, which may take a
switch interval; with a statement a row that would be most of the time a batch takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

SIZES = (32, 16, 8, 4, 2, 1)
"""How many rows a statement takes; few sizes, so that all of them stay prepared."""


class RowInsert:
    """Inserts rows by the statement for one row, whose values are the last thing in it.

    Cost: for 31 rows five statements.
    """

    def __init__(self, one: str) -> None:
        start, _, values = one.rstrip().rstrip(";").rpartition("VALUES")
        values = "".join(values.split())  # a statement is found by its text: the shorter, the faster
        self._by_size = [(size, f"{start}VALUES{','.join([values] * size)}") for size in SIZES]

    def insert(self, connection: apsw.Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert all rows, in order."""
        at, count = 0, len(rows)
        for size, sql in self._by_size:
            while count - at >= size:
                values: list[Any] = []
                for row in rows[at : at + size]:
                    values += row
                connection.execute(sql, values)
                at += size
