"""Data keys: one for each person (or, where no person is named, each caller) and month, wrapped in HOME/keys.db."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headworks.errors import RecordUnavailable
from headworks.records.kms import KEY_BYTES, NONCE_BYTES, Kms
from headworks.stores.queries import load_queries
from headworks.units import random_bytes

OWNER_BYTES = 16
USES_COUNTED_AT = 2**20
"""How many uses may be lost from the count by a crash; a key is retired at 2^28 (SP 800-38D allows 2^32)."""


class Wanted(NamedTuple):
    """Which key a record needs."""

    name: str
    is_subject: bool
    epoch: str


class KeyDestroyed(LookupError):
    """The key was destroyed on purpose; what it encrypted cannot be read again."""


class DataKey:
    """One key, ready to use.

    Safe under: the writer's thread.
    """

    __slots__ = ("_aead", "_digest_key", "id", "label", "owner", "uses")

    def __init__(self, number: int, owner: bytes, key: bytes) -> None:
        self.id = number
        self.owner = owner
        self.label = f"|{owner.hex()}|{number}|"
        self.uses = 0
        self._aead = AESGCM(key)
        self._digest_key = hmac.digest(key, b"headworks digest", "sha256")

    def __repr__(self) -> str:
        """Name the number only; the key shows nowhere."""
        return f"DataKey({self.id})"

    def seal(self, clear: bytes, place: str, nonce: bytes) -> bytes:
        """The encrypted bytes, bound to their place; begins with the nonce."""
        self.uses += 1
        return nonce + self._aead.encrypt(nonce, clear, (place + self.label).encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The clear bytes.

        Raises: ValueError when they were altered or belong elsewhere.
        """
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], (place + self.label).encode())
        except (InvalidTag, ValueError) as error:
            raise ValueError(f"{place}: altered, or not encrypted here") from error

    def digest(self, clear: bytes) -> bytes:
        """A keyed digest; without the key nobody can try guesses against it."""
        return hmac.digest(self._digest_key, clear, "sha256")


class DataKeys:
    """Finds, makes and destroys data keys; the ones lately used stay in memory.

    Safe under: the thread of its connection.
    """

    def __init__(self, kms: Kms, pepper: bytes, capacity: int) -> None:
        self._kms = kms
        self._pepper = pepper
        self._capacity = capacity
        self._cache: OrderedDict[Wanted, DataKey] = OrderedDict()
        self._sql = load_queries(__package__, "keys.sql")

    def forget(self) -> None:
        """Drop every key from memory."""
        self._cache.clear()

    def owner(self, name: str, *, is_subject: bool) -> bytes:
        """The pseudonym of a person or caller: a keyed hash, the same for ever in this log."""
        kind = b"subject\n" if is_subject else b"caller\n"
        return hmac.digest(self._pepper, kind + name.encode(), sha256)[:OWNER_BYTES]

    def cached(self, wanted: Wanted) -> DataKey | None:
        """The key, when it is in memory and not due to be counted."""
        key = self._cache.get(wanted)
        if key is None or key.uses >= USES_COUNTED_AT:
            return None
        self._cache.move_to_end(wanted)
        return key

    def ensure(self, connection: apsw.Connection, many: Iterable[Wanted], now_ns: int) -> None:
        """Bring the keys into memory; those that do not exist are made and durable when this returns.

        Raises: RecordUnavailable from the Kms, apsw.Error from the store.
        """
        found: dict[Wanted, DataKey] = {}
        with connection:
            for wanted in many:
                counted = self._cache.pop(wanted, None)
                if counted is not None:
                    connection.execute(self._sql["add_uses"], (counted.uses, counted.id))
                found[wanted] = self._load_or_make(connection, wanted, now_ns)
        self._cache.update(found)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def by_id(self, connection: apsw.Connection, number: int) -> DataKey:
        """A key by its number, for reading.

        Raises: KeyDestroyed, RecordUnavailable.
        """
        row = connection.execute(self._sql["key_by_id"], (number,)).fetchone()
        if row is None:
            raise RecordUnavailable(reason=f"data key {number} is missing from keys.db")
        owner, epoch, wrapped, _ = row
        if wrapped is None:
            raise KeyDestroyed(number)
        return DataKey(number, owner, self._kms.unwrap(wrapped, _context(number, owner, epoch)))

    def name_of(self, connection: apsw.Connection, number: int) -> str:
        """The person or caller whose key this is.

        Raises: KeyDestroyed, RecordUnavailable, ValueError.
        """
        key = self.by_id(connection, number)
        row = connection.execute(self._sql["key_by_id"], (number,)).fetchone()
        return key.open(row[3], "name").decode()

    def destroy(self, connection: apsw.Connection, owner: bytes, now_ns: int) -> list[int]:
        """Destroy every key of an owner, on disk and in memory; gives their numbers."""
        with connection:
            numbers = [row[0] for row in connection.execute(self._sql["destroy_keys"], (now_ns, owner))]
        for wanted in [wanted for wanted, key in self._cache.items() if key.owner == owner]:
            del self._cache[wanted]
        # The old pages may still lie in the WAL; fold it away so that the wrapped keys are gone from the disk's files.
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return numbers

    def unrecorded(self, connection: apsw.Connection) -> dict[bytes, list[int]]:
        """Destroyed keys by owner whose tombstone a crash kept from the record."""
        found: dict[bytes, list[int]] = {}
        for owner, number in connection.execute(self._sql["unrecorded"]):
            found.setdefault(owner, []).append(number)
        return found

    def mark_recorded(self, connection: apsw.Connection, owner: bytes) -> None:
        """Note that the tombstone is durable."""
        connection.execute(self._sql["mark_recorded"], (owner,))

    def _load_or_make(self, connection: apsw.Connection, wanted: Wanted, now_ns: int) -> DataKey:
        owner = self.owner(wanted.name, is_subject=wanted.is_subject)
        row = connection.execute(self._sql["current_key"], (owner, wanted.epoch)).fetchone()
        if row is not None:
            return DataKey(row[0], owner, self._kms.unwrap(row[1], _context(row[0], owner, wanted.epoch)))
        (number,) = connection.execute(self._sql["reserve_key"], (owner, wanted.epoch, now_ns)).fetchone()
        secret = random_bytes(KEY_BYTES)
        key = DataKey(number, owner, secret)
        name_sealed = key.seal(wanted.name.encode(), "name", random_bytes(NONCE_BYTES))
        wrapped = self._kms.wrap(secret, _context(number, owner, wanted.epoch))
        connection.execute(self._sql["fill_key"], (wrapped, name_sealed, number))
        return key


def _context(number: int, owner: bytes, epoch: str) -> bytes:
    return b"headworks data key|%d|%b|%b" % (number, owner.hex().encode(), epoch.encode())
