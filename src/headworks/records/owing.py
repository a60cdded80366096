"""Batches whose cost is not booked yet, and the booking: one transaction with the sums of spending.sql."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import apsw
from msgspec.json import Decoder, encode

from headworks.belongings import Also
from headworks.costs import Usage
from headworks.owing import Needs, Owed
from headworks.pending import Pending
from headworks.records.spending import booked_use
from headworks.stores.queries import load_queries
from headworks.units import SECOND_NS, Clock

LONGEST_OWED_S = 90 * 86_400
"""After so long nobody will look at a batch any more: no provider keeps one's output that long."""

_needs = Decoder(dict[str, Needs]).decode
_models = Decoder(tuple[str, ...]).decode
_accounts = Decoder(tuple[tuple[str, str], ...]).decode


class File(Protocol):
    """A SQLite file: reads at once, writes through its one writer."""

    def read(self, sql: str, args: Any = (), /) -> list[tuple[Any, ...]]:
        """Every row of a query."""

    def write(self, job: Any, /) -> Pending[Any]:
        """Run the job in the next transaction."""

    def write_now(self, job: Any, /) -> Any:
        """Run the job and wait for its commit."""


class SqliteOwing:
    """Implements owing.Owing.

    Bounded by the files that are kept, and by the batches begun in `LONGEST_OWED_S`.
    """

    def __init__(self, file: File, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._sql = load_queries(__package__, "owing.sql")
        self._spending_sql = load_queries(__package__, "spending.sql")

    def prepare(self) -> None:
        """Create what is missing; the tables of belongings and of spending are there already."""

        def write(connection: apsw.Connection) -> None:
            connection.execute(self._sql["create"])
            connection.execute(self._sql["forget_attempts"])

        self._file.write_now(write)

    def noting(self, place: str, file: str, needs: Mapping[str, Needs]) -> Also:
        """See owing.Owing."""
        row = (place, file, encode(needs))

        def write(connection: apsw.Connection) -> None:
            connection.execute(self._sql["note_input"], row)

        return write

    def needs(self, place: str, file: str) -> Mapping[str, Needs] | None:
        """See owing.Owing."""
        rows = self._file.read(self._sql["needs"], (place, file))
        return _needs(rows[0][0]) if rows else None

    def beginning(self, owed: Owed) -> Also:
        """See owing.Owing."""
        now_s = self._clock.wall_ns() // SECOND_NS
        row = (
            owed.place, owed.id, encode(owed.models), owed.day, owed.caller_id, owed.endpoint, owed.version, owed.target,
            owed.held_micros, encode(owed.accounts), owed.output, now_s, owed.attempt,
        )  # fmt: skip

        def write(connection: apsw.Connection) -> None:
            connection.execute(self._sql["drop_old"], (now_s - LONGEST_OWED_S,))
            connection.execute(self._sql["begin"], row)

        return write

    def find(self, place: str, batch: str) -> Owed | None:
        """See owing.Owing."""
        return self._one(self._sql["find"], (place, batch))

    def of_output(self, place: str, file: str) -> Owed | None:
        """See owing.Owing."""
        return self._one(self._sql["of_output"], (file, place))

    def point(self, owed: Owed, output: str) -> Pending[None]:
        """See owing.Owing."""

        def write(connection: apsw.Connection) -> None:
            connection.execute(self._sql["point"], (output, owed.place, owed.id))

        return self._file.write(write)

    def book(self, owed: Owed, usage: Usage, cost_micros: int | None) -> Pending[bool]:
        """See owing.Owing."""

        def write(connection: apsw.Connection) -> bool:
            if not connection.execute(self._sql["take"], (owed.place, owed.id)).fetchall():
                return False
            connection.execute(self._spending_sql["use_later"], booked_use(owed, usage, cost_micros))
            if cost_micros is not None and owed.held_micros is not None:
                for account, period in owed.accounts:
                    connection.execute(self._spending_sql["spend"], (account, period, cost_micros - owed.held_micros))
            return True

        return self._file.write(write)

    def _one(self, sql: str, args: tuple[str, str]) -> Owed | None:
        rows = self._file.read(sql, args)
        if not rows:
            return None
        place, batch, models, day, caller_id, endpoint, version, target, held, accounts, output = rows[0]
        return Owed(
            place, batch, _models(models), day, caller_id, endpoint, version, target, held, _accounts(accounts), output
        )
