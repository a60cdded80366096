"""SQLite files: how they are opened, the two of a home, and the small tables other parts keep in them.

The writer's connections belong to its thread (see writer.py). Readers have connections of their own and never write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import apsw

from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.pending import Pending
from headworks.stores.work import File, Job, Post, Scheduling
from headworks.stores.writer import Writer
from headworks.units import Clock

T = TypeVar("T")
Durable = Literal["process", "power"]
Value = None | int | float | str | bytes

SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
OLDEST_SQLITE = 3051003
"""Before 3.51.3 two connections that write or checkpoint could damage a WAL."""
WRITING = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
"""One thread at a time has a writing connection, so it needs no lock of its own."""
BUSY_MS = 5000
CACHE_KIB = 8192
FORMAT = 2
"""What the files of a home say they are; it goes up when a table changes so that older files cannot be used."""
WAL_KEPT_BYTES = 40 * 2**20
"""More than a WAL grows to under load: what is there already is written over, and a sync has no sizes to note."""


def connect(path: Path, durable: Durable) -> apsw.Connection:
    """The writing connection of a file: WAL, checkpoints by hand, created 0600 when missing.

    Raises: HomeUnavailable when the library is too old or the file is not ours to open.
    """
    if apsw.SQLITE_VERSION_NUMBER < OLDEST_SQLITE:
        raise HomeUnavailable(f"SQLite {apsw.sqlite_lib_version()} is too old; 3.51.3 or newer is needed.")
    try:
        path.touch(mode=0o600)
        connection = apsw.Connection(str(path), flags=WRITING)
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", SYNCHRONOUS[durable])
        connection.wal_autocheckpoint(0)
        connection.pragma("cache_size", -CACHE_KIB)
        connection.pragma("journal_size_limit", WAL_KEPT_BYTES)
        connection.pragma("foreign_keys", 1)
        if not connection.pragma("schema_version"):  # a new file, whose format is ours
            connection.pragma("user_version", FORMAT)
    except (apsw.Error, OSError) as error:
        raise HomeUnavailable(f"{path} cannot be opened: {error}.") from error
    _check_format(connection, path)
    return connection


def _check_format(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file of another version, which would fail later in ways that nobody understands.

    Raises: HomeUnavailable.
    """
    found = connection.pragma("user_version")
    if found == FORMAT:
        return
    connection.close(True)
    raise HomeUnavailable(
        f"{path} is of format {found}, this version of Headworks reads format {FORMAT}: use the version that made it,"
        " or another home."
    )


def connect_to_read(path: Path) -> apsw.Connection:
    """A connection that refuses every write; works beside a running writer and without one.

    Raises: HomeUnavailable when there is no such file.
    """
    if not path.exists():
        raise HomeUnavailable(f"{path} does not exist; name the home of the service: --home DIR, or $HEADWORKS_HOME.")
    try:
        # Opened for writing so that SQLite can read, and afterwards clear away, a WAL that a crash left behind.
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("query_only", 1)
        is_empty = not connection.pragma("schema_version")
    except apsw.Error as error:
        raise HomeUnavailable(f"{path} cannot be read: {error}.") from error
    if not is_empty:
        _check_format(connection, path)
    return connection


class Store:
    """One file's small tables: reads answer at once, writes pass through the one writer thread.

    Safe under: any thread, except that `write` belongs to the thread of the event loop.
    """

    def __init__(self, path: Path, file: File, writer: Writer) -> None:
        self._path = path
        self._file = file
        self._writer = writer
        self._reader: apsw.Connection | None = None
        self._lock = threading.Lock()

    def read(self, sql: str, args: tuple[Value, ...] = ()) -> list[tuple[Any, ...]]:
        """Every row of a query, as of the last commit.

        Raises: RecordUnavailable when the file cannot be read.
        """
        with self._lock:
            try:
                if self._reader is None:
                    self._reader = connect_to_read(self._path)
                return list(self._reader.execute(sql, args))
            except apsw.Error as error:
                raise RecordUnavailable(reason=f"{self._path.name}: {error}") from error

    def write(self, job: Callable[[apsw.Connection], T]) -> Pending[T]:
        """Run `job` in the writer's next transaction; the result resolves after the commit, on the loop's thread.

        Raises: what `job` raises (its own changes are undone, others' stay), Overloaded, RecordUnavailable.
        """
        pending: Pending[T] = Pending()
        self._writer.submit(Job(pending, job, self._file))
        return pending

    def write_now(self, job: Callable[[apsw.Connection], T]) -> T:
        """Run `job` like `write` does, and wait for the commit; for the command line and for start-up.

        Raises: as `write`.
        """
        result: T = self._writer.submit_and_wait(Job(Pending(), job, self._file))
        return result

    def close(self) -> None:
        """Close the reader."""
        with self._lock:
            if self._reader is not None:
                self._reader.close(True)
                self._reader = None


class Stores:
    """The two files of a home, `records.db` and `keys.db`, behind one writer thread.

    `keys.db` is always synced on commit: a record must never outlive the key that opens it.
    """

    def __init__(
        self, home: Path, durable: Durable, post: Post, clock: Clock, scheduling: Scheduling | None = None
    ) -> None:
        self._paths: dict[File, Path] = {"records": home / "records.db", "keys": home / "keys.db"}
        self._durable: dict[File, Durable] = {"records": durable, "keys": "power"}
        self.writer = Writer(self._connect, post, clock, scheduling=scheduling)
        self.records = Store(self._paths["records"], "records", self.writer)
        self.keys = Store(self._paths["keys"], "keys", self.writer)

    @classmethod
    def open(cls, home: Path, durable: Durable, post: Post, clock: Clock) -> Stores:
        """Open (or create) both files and start the writer.

        Raises: HomeUnavailable.
        """
        stores = cls(home, durable, post, clock)
        stores.writer.start()
        return stores

    def close(self) -> None:
        """Write what is queued, fold the WAL into the files and close them."""
        self.records.close()
        self.keys.close()
        self.writer.stop()

    def _connect(self, file: File) -> apsw.Connection:
        connection = connect(self._paths[file], self._durable[file])
        if file == "keys":
            connection.pragma("secure_delete", 1)
        return connection
