"""Keys in SQLite: the table api_keys of HOME/keys.db."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import apsw
import msgspec

from headworks.identity.rows import Changes, KeyRow
from headworks.identity.terms import Terms, parse_networks
from headworks.pending import Pending
from headworks.stores.queries import load_queries
from headworks.units import Rate

Job = Callable[[apsw.Connection], None]

_COLUMNS = (
    "key_id",
    "name",
    "prefix",
    "digest",
    "pepper_id",
    "scopes",
    "rate",
    "concurrency",
    "networks",
    "tokens",
    "tenant",
    "created_wall_ns",
    "expires_wall_ns",
    "revoked_wall_ns",
    "last_used_wall_ns",
    "parent",
    "predecessor",
    "is_one_time",
    "changed",
)
_text = msgspec.json.Encoder().encode
_scopes = msgspec.json.Decoder(frozenset[str]).decode
_networks = msgspec.json.Decoder(tuple[str, ...]).decode
_rate = msgspec.json.Decoder(Rate).decode


class File(Protocol):
    """A SQLite file: reads at once, writes through its one writer."""

    def read(self, sql: str, args: tuple[int | str, ...] = (), /) -> list[tuple[Any, ...]]:
        """Every row of a query."""

    def write(self, job: Job, /) -> Pending[None]:
        """Run the job in a transaction."""

    def write_now(self, job: Job, /) -> None:
        """Run the job and wait for its commit."""


class SqliteKeyStore:
    """Keys in a SQLite file; implements rows.KeyStore."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._sql = load_queries("headworks.identity", "keys.sql")

    def prepare(self) -> None:
        """Create what is missing."""
        self._file.write_now(self._create)

    def insert(self, row: KeyRow, retired: KeyRow | None = None) -> Pending[None]:
        """Add a key and, as one with it, store the changed key that it replaces."""

        def write(connection: apsw.Connection) -> None:
            if retired is not None:
                self._run(connection, "update_key", retired)
            self._run(connection, "insert_key", row)

        return self._file.write(write)

    def update(self, row: KeyRow) -> Pending[None]:
        """Store a changed key; last uses are left alone."""
        return self._file.write(lambda connection: self._run(connection, "update_key", row))

    def find(self, key_id: str) -> KeyRow | None:
        """One key."""
        rows = self._file.read(self._sql["find_key"], (key_id,))
        return _row(rows[0])[0] if rows else None

    def changes(self, since: int) -> Changes:
        """Every key changed after that number, oldest change first; after 0, every key. Uses are no changes."""
        found = [_row(columns) for columns in self._file.read(self._sql["changed_keys"], (since,))]
        return Changes(found[-1][1] if found else since, tuple(row for row, _ in found))

    def newest(self, most: int) -> tuple[KeyRow, ...]:
        """Keys, live or not, the youngest first."""
        return tuple(_row(columns)[0] for columns in self._file.read(self._sql["newest_keys"], (most,)))

    def count_live(self, wall_ns: int) -> int:
        """How many keys open something."""
        return int(self._file.read(self._sql["count_live"], (wall_ns,))[0][0])

    def touch(self, uses: Mapping[str, int]) -> Pending[None]:
        """Note last uses: wall time in nanoseconds by key."""
        rows = [(wall_ns, key_id) for key_id, wall_ns in uses.items()]

        def write(connection: apsw.Connection) -> None:
            connection.executemany(self._sql["touch_key"], rows)

        return self._file.write(write)

    def _create(self, connection: apsw.Connection) -> None:
        for name in ("create_keys", "create_keys_by_change", "create_changes", "start_changes"):
            connection.execute(self._sql[name])

    def _run(self, connection: apsw.Connection, statement: str, row: KeyRow) -> None:
        numbers = connection.execute(self._sql["next_change"]).fetchall()
        connection.execute(self._sql[statement], {**_values(row), "changed": numbers[0][0]})


def _values(row: KeyRow) -> dict[str, Any]:
    terms = row.terms
    return {
        "key_id": row.key_id,
        "name": row.name,
        "prefix": row.prefix,
        "digest": row.digest,
        "pepper_id": row.pepper_id,
        "scopes": None if terms.scopes is None else _text(sorted(terms.scopes)).decode(),
        "rate": None if terms.rate is None else _text(terms.rate).decode(),
        "concurrency": terms.concurrency,
        "networks": _text([str(network) for network in terms.networks]).decode(),
        "tokens": None if terms.tokens is None else _text(terms.tokens).decode(),
        "tenant": terms.tenant,
        "created_wall_ns": row.created_wall_ns,
        "expires_wall_ns": terms.expires_wall_ns,
        "revoked_wall_ns": row.revoked_wall_ns,
        "parent": row.parent,
        "predecessor": row.predecessor,
        "is_one_time": int(row.is_one_time),
    }


def _row(columns: tuple[Any, ...]) -> tuple[KeyRow, int]:
    """The row, and the number of its last change."""
    of = dict(zip(_COLUMNS, columns, strict=True))
    terms = Terms(
        None if of["scopes"] is None else _scopes(of["scopes"]),
        None if of["rate"] is None else _rate(of["rate"]),
        of["concurrency"],
        parse_networks(_networks(of["networks"])),
        of["expires_wall_ns"],
        None if of["tokens"] is None else _rate(of["tokens"]),
        of["tenant"],
    )
    row = KeyRow(
        of["key_id"],
        of["name"],
        of["prefix"],
        of["digest"],
        of["pepper_id"],
        terms,
        of["created_wall_ns"],
        of["revoked_wall_ns"],
        of["last_used_wall_ns"],
        of["parent"],
        of["predecessor"],
        bool(of["is_one_time"]),
    )
    return row, of["changed"]
