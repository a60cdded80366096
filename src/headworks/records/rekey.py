"""A new key-encryption key: every key that the old one wrapped is wrapped anew, then the old one goes.

1. The key file holds the old key and, in a second line, the new one: each opens what it wrapped.
2. Secrets and data keys are wrapped by the new key, some in each transaction.
3. All of them are read back and opened with the new key alone; then the file holds nothing else.

A process may end between any two steps: the home starts and reads everything, and the next run goes on where this one ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import apsw
from msgspec import Struct

from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.records.data_keys import key_context
from headworks.records.kms import KeyFile, home_key
from headworks.records.log_keys import open_log_keys, secret_context
from headworks.records.settings import RecordSettings
from headworks.stores.queries import load_queries
from headworks.stores.sqlite import connect

KEYS_AT_ONCE = 512
Passed = Callable[[str], None]
"""Hears of every step that was done, by name."""
_Row = tuple[Any, ...]


class Rekeyed(Struct, frozen=True):
    """What a change of the key-encryption key did.

    Shapes: `keys` were wrapped anew by this run; `unreadable` data keys are opened by no key of the file, before and
    after; `was_begun` says that an earlier run made the new key and this one only finished.
    """

    keys: int
    unreadable: int
    was_begun: bool


class _Counts:
    """What was done so far."""

    __slots__ = ("unreadable", "wrapped")

    def __init__(self) -> None:
        self.wrapped = 0
        self.unreadable = 0


def rekey(settings: RecordSettings, passed: Passed = lambda step: None) -> Rekeyed:
    """Change the home's key-encryption key, or finish a change that was cut off.

    Raises: HomeUnavailable; what was readable before is so after, and another run goes on.
    Cost: about fifteen microseconds a data key, one sync for each KEYS_AT_ONCE of them.
    Safe under: the home's lock, with no service and no ledger open; readers go on meanwhile.
    """
    path = settings.kek_path
    keys = home_key(settings)
    was_begun = keys.is_changing
    try:
        with closing(connect(settings.home / "keys.db", "power")) as connection:
            open_log_keys(connection, keys, may_create=False)  # the right file of keys, before anything is changed
            if not was_begun:
                keys = keys.with_new_key()
                keys.replace(path, passed)
            counts = _rewrap(connection, keys, passed)
            _prove(connection, keys.with_newest_key(), counts.unreadable)
    except (apsw.Error, RecordUnavailable) as error:
        reason = error.reason if isinstance(error, RecordUnavailable) else error
        text = f"keys.db could not be wrapped anew: {reason}. The home works as before; run this again to finish."
        raise HomeUnavailable(text) from error
    passed("proven")
    _drop_old(settings, keys, passed)
    return Rekeyed(counts.wrapped, counts.unreadable, was_begun)


def _rewrap(connection: apsw.Connection, keys: KeyFile, passed: Passed) -> _Counts:
    """Wrap everything anew; the old wrappings are gone from the disk's files, unless somebody reads this very moment."""
    connection.pragma("secure_delete", 1)
    counts = _Counts()
    with connection:
        _rewrap_secrets(connection, keys, counts)
        passed("wrapped")
    passed("committed")
    for rows in _pages(connection):
        with connection:
            _rewrap_keys(connection, keys, rows, counts)
            passed("wrapped")
        passed("committed")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)  # so that the WAL stays small
    with suppress(apsw.BusyError):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    passed("folded")
    return counts


def _rewrap_secrets(connection: apsw.Connection, keys: KeyFile, counts: _Counts) -> None:
    sql = load_queries(__package__, "keys.sql")
    secrets: list[_Row] = connection.execute(sql["secrets"]).fetchall()
    for name, old in secrets:
        if (new := keys.rewrapped(old, secret_context(name))) is not None:
            connection.execute(sql["rewrap_secret"], (new, name))
            counts.wrapped += 1


def _rewrap_keys(connection: apsw.Connection, keys: KeyFile, rows: list[_Row], counts: _Counts) -> None:
    """Wrap some data keys anew; one that no key opens was lost before, and must not keep the others under the old key."""
    sql = load_queries(__package__, "keys.sql")
    for number, owner, epoch, old in rows:
        try:
            new = keys.rewrapped(old, key_context(number, owner, epoch))
        except RecordUnavailable:
            counts.unreadable += 1
            continue
        if new is not None:
            connection.execute(sql["rewrap_key"], (new, number))
            counts.wrapped += 1


def _prove(connection: apsw.Connection, new: KeyFile, unreadable: int) -> None:
    """Nothing, when the new key alone opens all that can be opened.

    Raises: RecordUnavailable.
    """
    sql = load_queries(__package__, "keys.sql")
    secrets: list[_Row] = connection.execute(sql["secrets"]).fetchall()
    for name, wrapped in secrets:
        new.unwrap(wrapped, secret_context(name))
    for rows in _pages(connection):
        for number, owner, epoch, wrapped in rows:
            try:
                new.unwrap(wrapped, key_context(number, owner, epoch))
            except RecordUnavailable:
                unreadable -= 1
    if unreadable:
        raise RecordUnavailable(reason="not every data key is opened by the new key")


def _pages(connection: apsw.Connection) -> Iterator[list[_Row]]:
    """Every data key that was not destroyed: number, owner, month and wrapping."""
    sql = load_queries(__package__, "keys.sql")
    last = 0
    while True:
        rows: list[_Row] = connection.execute(sql["wrapped_keys"], (last, KEYS_AT_ONCE)).fetchall()
        if not rows:
            return
        yield rows
        last = rows[-1][0]


def _drop_old(settings: RecordSettings, keys: KeyFile, passed: Passed) -> None:
    try:
        keys.with_newest_key().replace(settings.kek_path, passed)
    except HomeUnavailable as error:
        text = f"{error.detail} Every key is wrapped by its second line now: remove the first line yourself."
        raise HomeUnavailable(text) from error
