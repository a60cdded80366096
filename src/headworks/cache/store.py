"""Kept answers: bounded in number and bytes, sealed under a key that ends with the process. No I/O and no clock."""

from __future__ import annotations

from collections import OrderedDict
from itertools import count

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from headworks.units import SECOND_NS

NONCE_BYTES = 12
ENTRY_COST_BYTES = 400
"""What an entry costs beside its content."""


class StoreSettings(Struct, frozen=True):
    """How much is kept: the least recently used goes first."""

    most_bytes: int = 64 * 2**20
    most_entries: int = 20_000
    most_entry_bytes: int = 2**20


class Kept(Struct, frozen=True, array_like=True):
    """One answer as it is kept; who asked is not part of it."""

    body: bytes
    media: str
    target: str
    model_version: str
    is_collected: bool = False


class _Entry(Struct, gc=False):
    kept_ns: int
    until_ns: int
    subject: str | None
    sealed: bytes


class Store:
    """Kept answers by key.

    Cost: sealing or opening an answer of 2 KB takes some 3 µs.
    Safe under: one thread.
    """

    def __init__(self, key: bytes, settings: StoreSettings | None = None) -> None:
        self._settings = settings or StoreSettings()
        self._cipher = AESGCM(key)
        self._numbers = count(1)
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._encode = Encoder().encode
        self._decode = Decoder(Kept).decode
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: bytes, now_ns: int, max_age_s: float) -> tuple[Kept, float] | None:
        """The answer and its age in seconds, when it is no older than that; one past its time is dropped."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now_ns >= entry.until_ns:
            self._drop(key)
            return None
        age_s = (now_ns - entry.kept_ns) / SECOND_NS
        if age_s > max_age_s:
            return None
        self._entries.move_to_end(key)
        sealed = entry.sealed
        return self._decode(self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key)), age_s

    def holds(self, key: bytes) -> bool:
        """Whether there is an answer under this key, of whatever age."""
        return key in self._entries

    def keep(self, key: bytes, kept: Kept, subject: str | None, now_ns: int, for_s: float) -> None:
        """Keep an answer for so long, in place of an earlier one; too large a one is not kept."""
        if key in self._entries:
            self._drop(key)
        clear = self._encode(kept)
        if len(clear) > self._settings.most_entry_bytes:
            return
        nonce = next(self._numbers).to_bytes(NONCE_BYTES, "big")
        sealed = nonce + self._cipher.encrypt(nonce, clear, key)
        self._entries[key] = _Entry(now_ns, now_ns + int(for_s * SECOND_NS), subject, sealed)
        self.size_bytes += len(sealed) + ENTRY_COST_BYTES
        while self.size_bytes > self._settings.most_bytes or len(self._entries) > self._settings.most_entries:
            self._drop(next(iter(self._entries)))

    def forget_subject(self, subject: str) -> None:
        """Drop every answer about a person.

        Cost: looks at every entry.
        """
        for key in [key for key, entry in self._entries.items() if entry.subject == subject]:
            self._drop(key)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self.size_bytes = 0

    def _drop(self, key: bytes) -> None:
        self.size_bytes -= len(self._entries.pop(key).sealed) + ENTRY_COST_BYTES
