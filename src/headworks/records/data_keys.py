"""Data keys: one for each person (or, where no person is named, each caller) and month, wrapped in HOME/keys.db."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import apsw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headworks.errors import RecordUnavailable
from headworks.records.kms import KEY_BYTES, NONCE_BYTES, Kms
from headworks.records.log_keys import LogKeys
from headworks.stores.queries import load_queries
from headworks.units import random_bytes

OWNER_BYTES = 16
SEAL_BYTES = NONCE_BYTES + 16
"""How much longer the encrypted bytes are: nonce and tag."""
USES_COUNTED_AT = 2**20
"""How many uses may be lost from the count by a crash; a key is retired at 2^28 (SP 800-38D allows 2^32)."""


Wanted = tuple[str, bool, str]
"""Which key a record needs: the name of its owner, whether that is a person (else a caller), the month."""


class KeyDestroyed(LookupError):
    """The key was destroyed on purpose; what it encrypted cannot be read again."""


class DataKey:
    """One key, ready to use.

    Safe under: the writer's thread.
    """

    __slots__ = ("_decrypt", "_digest_key", "_encrypt", "_label", "content_place", "id", "owner", "uses")

    def __init__(self, number: int, owner: bytes, key: bytes, log_id: str) -> None:
        self.id = number
        self.owner = owner
        self.uses = 0
        self._label = f"{log_id}|{owner.hex()}|{number}|".encode()
        self.content_place = self.place("content")
        aead = AESGCM(key)
        self._encrypt = aead.encrypt
        self._decrypt = aead.decrypt
        self._digest_key = hmac.digest(key, b"headworks digest", "sha256")

    def __repr__(self) -> str:
        """Name the number only; the key shows nowhere."""
        return f"DataKey({self.id})"

    def place(self, field: str) -> bytes:
        """What encrypted bytes are bound to: log, owner and key, then the field; a record's number follows."""
        return self._label + field.encode() + b"|"

    def seal(self, clear: bytes, place: bytes, nonce: bytes) -> bytes:
        """The encrypted bytes, bound to their place; begins with the nonce."""
        self.uses += 1
        return nonce + self._encrypt(nonce, clear, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The clear bytes.

        Raises: ValueError when they were altered or belong elsewhere.
        """
        try:
            return self._decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise ValueError("the content was altered, or was not encrypted for this place") from error

    def digest(self, clear: bytes) -> bytes:
        """A keyed digest; without the key nobody can try guesses against it."""
        return hmac.digest(self._digest_key, clear, "sha256")


class DataKeys:
    """Finds, makes and destroys data keys; the ones lately used stay in memory.

    Safe under: the thread of its connection.
    """

    def __init__(self, kms: Kms, log: LogKeys, capacity: int) -> None:
        self._kms = kms
        self._pepper = log.pepper
        self._log_id = log.log_id
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

    def is_at_hand(self, wanted: Wanted) -> bool:
        """Whether the key is in memory.

        Safe under: any thread.
        """
        return wanted in self._cache

    def ensure(self, connection: apsw.Connection, many: Iterable[Wanted], now_ns: int) -> dict[Wanted, DataKey]:
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
        return found

    def by_id(self, connection: apsw.Connection, number: int) -> DataKey:
        """A key by its number, for reading.

        Raises: KeyDestroyed, RecordUnavailable.
        """
        return self._named(connection, number)[0]

    def name_of(self, connection: apsw.Connection, number: int) -> str:
        """The person or caller whose key this is.

        Raises: KeyDestroyed, RecordUnavailable, ValueError.
        """
        key, name_sealed = self._named(connection, number)
        return key.open(name_sealed, key.place("name")).decode()

    def destroy(self, connection: apsw.Connection, owner: bytes, now_ns: int) -> list[int]:
        """Destroy every key of an owner, on disk and in memory; gives their numbers."""
        with connection:
            numbers = [row[0] for row in connection.execute(self._sql["destroy_keys"], (now_ns, owner))]
        for wanted in [wanted for wanted, key in self._cache.items() if key.owner == owner]:
            del self._cache[wanted]
        # The old pages may still lie in the WAL; fold it away so that the wrapped keys are gone from the disk's files.
        # Where somebody reads this very moment, the next fold does it.
        with suppress(apsw.BusyError):
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

    def _named(self, connection: apsw.Connection, number: int) -> tuple[DataKey, bytes]:
        row: tuple[Any, ...] | None = connection.execute(self._sql["key_by_id"], (number,)).fetchone()
        if row is None:
            raise RecordUnavailable(reason=f"data key {number} is missing from keys.db")
        owner, epoch, wrapped, name_sealed = row
        if wrapped is None:
            raise KeyDestroyed(number)
        return DataKey(
            number, owner, self._kms.unwrap(wrapped, key_context(number, owner, epoch)), self._log_id
        ), name_sealed

    def _load_or_make(self, connection: apsw.Connection, wanted: Wanted, now_ns: int) -> DataKey:
        name, is_subject, epoch = wanted
        owner = self.owner(name, is_subject=is_subject)
        row: tuple[Any, ...] | None = connection.execute(self._sql["current_key"], (owner, epoch)).fetchone()
        if row is not None:
            return DataKey(row[0], owner, self._kms.unwrap(row[1], key_context(row[0], owner, epoch)), self._log_id)
        number: int = connection.execute(self._sql["reserve_key"], (owner, epoch, now_ns)).get
        secret = random_bytes(KEY_BYTES)
        key = DataKey(number, owner, secret, self._log_id)
        name_sealed = key.seal(name.encode(), key.place("name"), random_bytes(NONCE_BYTES))
        wrapped = self._kms.wrap(secret, key_context(number, owner, epoch))
        connection.execute(self._sql["fill_key"], (wrapped, name_sealed, number))
        return key


def key_context(number: int, owner: bytes, epoch: str) -> bytes:
    """What a wrapped data key is bound to."""
    return b"headworks data key|%d|%b|%b" % (number, owner.hex().encode(), epoch.encode())
