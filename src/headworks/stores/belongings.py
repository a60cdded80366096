"""Owners of what providers keep, in HOME/records.db, written through the same queue as the records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

import apsw
from msgspec.json import encode
from msgspec.structs import astuple

from headworks.belongings import Also, Belonging, Bounds, Page
from headworks.pending import Pending
from headworks.stores.queries import load_queries
from headworks.units import SECOND_NS, Clock

Job = Callable[[apsw.Connection], Any]
NEWEST = 2**62
ASKED_AT_ONCE = 500
"""So many names take a millisecond, for which others who read wait."""


class File(Protocol):
    """A SQLite file: reads at once, writes through its one writer."""

    def read(self, sql: str, args: Any = (), /) -> list[tuple[Any, ...]]:
        """Every row of a query."""

    def write(self, job: Job, /) -> Pending[Any]:
        """Run the job in the next transaction."""

    def write_now(self, job: Job, /) -> Any:
        """Run the job and wait for its commit."""


class SqliteBelongings:
    """Implements belongings.Belongings.

    Bounded by `bounds`; what a provider makes by itself is kept beyond that, a few for each thing that was asked for. What has
    expired is dropped by and by.
    Cost: a read some 20 µs, on the thread that asks.
    """

    def __init__(self, file: File, clock: Clock, bounds: Bounds | None = None) -> None:
        self._file = file
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._sql = load_queries("headworks.stores", "belongings.sql")
        self._count = 0

    def prepare(self) -> None:
        """Create what is missing."""
        self._file.write_now(lambda connection: _changed(connection, self._sql["create"], ()))
        ((self._count,),) = self._file.read(self._sql["count_all"])

    @property
    def is_empty(self) -> bool:
        """See belongings.Belongings."""
        return self._count == 0

    def find(self, place: str, thing: str) -> Belonging | None:
        """See belongings.Belongings."""
        rows = self._file.read(self._sql["find"], (place, thing, self._now_s()))
        return Belonging(*rows[0]) if rows else None

    def page(self, page: Page) -> list[str]:
        """See belongings.Belongings."""
        order, from_number = ("oldest", 0) if page.is_oldest_first else ("newest", NEWEST)
        if page.after is not None:
            known = self._file.read(self._sql["number"], (page.place, page.after, page.owner, page.kind))
            if not known:
                return []
            ((from_number,),) = known
        words = {
            "owner": page.owner, "place": page.place, "kind": page.kind, "from_number": from_number,
            "purpose": page.purpose, "now_s": self._now_s(), "most": page.most,
        }  # fmt: skip
        return [thing for (thing,) in self._file.read(self._sql[order], words)]

    def has_room(self, place: str, kind: str, owner: str) -> bool:
        """See belongings.Belongings."""
        ((count,),) = self._file.read(self._sql["count"], (owner, place, kind, self._bounds.each))
        return count < self._bounds.each and self._count < self._bounds.in_all

    def are_foreign(self, owner: str, ids: Collection[str]) -> bool:
        """See belongings.Belongings."""
        listed = list(ids)
        parts = (listed[at : at + ASKED_AT_ONCE] for at in range(0, len(listed), ASKED_AT_ONCE))
        return any(self._file.read(self._sql["foreign"], (encode(part).decode(), owner, owner)) for part in parts)

    def keep(self, things: Iterable[Belonging], *, may_drop: bool = False, also: Also | None = None) -> Pending[bool]:
        """See belongings.Belongings."""
        wanted = list(things)

        def write(connection: apsw.Connection) -> bool:
            for thing in wanted:
                ((owner,),) = connection.execute(self._sql["owner"], (thing.place, thing.id)).fetchall() or [(None,)]
                if owner not in (None, thing.owner):
                    return False
            self._count -= _changed(connection, self._sql["drop_expired"], (self._now_s(),))
            for thing in wanted:
                self._count += _changed(connection, self._sql["insert"], astuple(thing))
                if may_drop:
                    self._make_room(connection, thing)
            if also is not None:
                also(connection)
            return True

        return self._file.write(write)

    def drop(self, place: str, thing: str) -> Pending[None]:
        """See belongings.Belongings."""

        def write(connection: apsw.Connection) -> None:
            self._count -= _changed(connection, self._sql["drop"], (place, thing))

        return self._file.write(write)

    def forget_subject(self, subject: bytes) -> Pending[list[str]]:
        """Give up everything about a person, so that nobody reads it through this service any more; gives what it was."""

        def write(connection: apsw.Connection) -> list[str]:
            gone = connection.execute(self._sql["drop_subject"], (subject,)).fetchall()
            self._count -= len(gone)
            return [f"{place}/{kind}/{thing}" for place, kind, thing in gone]

        return self._file.write(write)

    def _make_room(self, connection: apsw.Connection, thing: Belonging) -> None:
        of = (thing.owner, thing.place, thing.kind)
        rows: list[Any] = connection.execute(self._sql["count"], (*of, self._bounds.each + 1)).fetchall()
        if rows[0][0] > self._bounds.each:
            self._count -= _changed(connection, self._sql["drop_oldest"], of)

    def _now_s(self) -> int:
        return self._clock.wall_ns() // SECOND_NS


def _changed(connection: apsw.Connection, sql: str, args: tuple[Any, ...]) -> int:
    """Carry out one statement; gives how many rows it changed."""
    connection.execute(sql, args).fetchall()
    return connection.changes()
