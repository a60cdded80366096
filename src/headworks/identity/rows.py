"""A stored key, and the store it lives in."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from headworks.identity.terms import ADMIN, Terms
from headworks.pending import Pending
from headworks.values import Auth


class KeyState(StrEnum):
    """Whether a key opens anything."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyRow(Struct, frozen=True):
    """One key as it is stored: everything but its secret, of which only a peppered HMAC is kept.

    Shapes: `digest` is over the whole key as its owner sends it. `parent` is the key that made this one, None for
    whoever owns the machine; `predecessor` the key it replaces. A one-time key is good for making one lasting key.
    """

    key_id: str
    name: str
    prefix: str
    digest: bytes
    pepper_id: str
    terms: Terms
    created_wall_ns: int
    revoked_wall_ns: int | None = None
    last_used_wall_ns: int | None = None
    parent: str | None = None
    predecessor: str | None = None
    is_one_time: bool = False

    @property
    def auth(self) -> Auth:
        """What kind of caller the key makes."""
        return Auth.ADMIN if self.terms.scopes is not None and ADMIN in self.terms.scopes else Auth.KEY

    def state(self, wall_ns: int) -> KeyState:
        """Whether the key opens anything now."""
        if self.revoked_wall_ns is not None:
            return KeyState.REVOKED
        expires_ns = self.terms.expires_wall_ns
        return KeyState.EXPIRED if expires_ns is not None and wall_ns >= expires_ns else KeyState.LIVE

    def __repr__(self) -> str:
        return f"KeyRow({self.key_id})"

    __str__ = __repr__


class Changes(Struct, frozen=True):
    """Rows that changed, and the number to ask from next time."""

    number: int
    rows: tuple[KeyRow, ...]


class KeyStore(Protocol):
    """Where keys are kept. Reads answer at once, as of the last commit; writes resolve when they are durable.

    Raises: RecordUnavailable (503), from reads or through the pending result.
    """

    def insert(self, row: KeyRow, retired: KeyRow | None = None) -> Pending[None]:
        """Add a key and, as one with it, store the changed key that it replaces."""

    def update(self, row: KeyRow) -> Pending[None]:
        """Store a changed key; last uses are left alone."""

    def find(self, key_id: str) -> KeyRow | None:
        """One key."""

    def changes(self, since: int) -> Changes:
        """Every key changed after that number, oldest change first; after 0, every key. Uses are no changes."""

    def newest(self, most: int) -> tuple[KeyRow, ...]:
        """Keys, live or not, the youngest first."""

    def count_live(self, wall_ns: int) -> int:
        """How many keys open something."""

    def touch(self, uses: Mapping[str, int]) -> Pending[None]:
        """Note last uses: wall time in nanoseconds by key."""
