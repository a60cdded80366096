"""The debts of rate limits in SQLite, written through the same queue as the records, ahead of them."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import apsw
from msgspec import Struct

from headworks.limits.memory import MOST_BUCKETS
from headworks.pending import Pending
from headworks.stores.queries import load_queries

LAST_NS = 2**63 - 1
Job = Callable[[apsw.Connection], None]


class File(Protocol):
    """The SQLite file that also holds the records: one queue of writes, committed in order."""

    def read(self, sql: str, args: tuple[int, ...] = (), /) -> list[tuple[Any, ...]]:
        """Every row of a query."""

    def write(self, job: Job, /) -> Pending[None]:
        """Run the job in the next transaction."""

    def write_now(self, job: Job, /) -> None:
        """Run the job and wait for its commit."""


class Kept(Struct, frozen=True):
    """What the last front left: how far its time had come, and when each bucket in debt is due."""

    elapsed_ns: int
    due: Mapping[str, int]


class SqliteDebts:
    """Keeps due times; implements memory.Debts.

    Cost: one queued write a call of `keep`, which the limiter makes about once a second and bucket under load.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._sql = load_queries("headworks.limits", "debts.sql")

    def prepare(self) -> None:
        """Create what is missing."""
        self._file.write_now(self._create)

    def load(self) -> Kept:
        """What to hand to `MemoryLimits.restore` before the first call."""
        times = self._file.read(self._sql["read_time"])
        elapsed_ns = times[0][0] if times else 0
        return Kept(elapsed_ns, dict(self._file.read(self._sql["read_debts"], (elapsed_ns, MOST_BUCKETS))))

    def keep(self, bucket: str, due_ns: int, elapsed_ns: int) -> Pending[None]:
        """Remember that a bucket is due at the latest then, and how far the limiter's own time has come."""

        def write(connection: apsw.Connection) -> None:
            connection.execute(self._sql["keep_debt"], (bucket, min(due_ns, LAST_NS)))
            connection.execute(self._sql["keep_time"], (elapsed_ns,))

        return self._file.write(write)

    def tick(self, elapsed_ns: int) -> None:
        """Remember how far the limiter's own time has come, and drop buckets that are at rest."""

        def write(connection: apsw.Connection) -> None:
            connection.execute(self._sql["keep_time"], (elapsed_ns,))
            connection.execute(self._sql["drop_rested"], (elapsed_ns,))

        self._file.write(write)

    def settle(self, due: Mapping[str, int], elapsed_ns: int) -> None:
        """Remember exact due times, and when they were taken, as one; returns when it is done."""

        def write(connection: apsw.Connection) -> None:
            connection.executemany(self._sql["keep_debt"], [(name, min(ns, LAST_NS)) for name, ns in due.items()])
            connection.execute(self._sql["keep_time"], (elapsed_ns,))

        self._file.write_now(write)

    def _create(self, connection: apsw.Connection) -> None:
        for name in ("create_debts", "create_debts_by_due", "create_time"):
            connection.execute(self._sql[name])
