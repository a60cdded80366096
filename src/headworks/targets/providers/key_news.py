"""Who is told that a key is refused: once when it begins, once when it is over, never once a call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable

from msgspec import Struct


class KeyName(Struct, frozen=True):
    """One key for one model of a provider, by its place among the configured ones; nothing of the key itself.

    Shapes: `place` counts from 1, `keys` is how many there are.
    """

    origin: Hashable
    provider: str
    model: str
    place: int
    keys: int


class KeyChange(Struct, frozen=True):
    """A key is refused now, or is taken again; `others` is how many of the provider's keys for this model are not refused."""

    key: KeyName
    is_refused: bool
    others: int


Tell = Callable[[KeyChange], None]


def untold(change: KeyChange) -> None:
    """Nobody is told."""


class KeyNews:
    """Remembers which keys are refused, and tells of what changes.

    Shapes: bounded by the configuration; true while a key is refused.
    """

    __slots__ = ("_refused", "_tell")

    def __init__(self, tell: Tell = untold) -> None:
        self._tell = tell
        self._refused: set[KeyName] = set()

    def __bool__(self) -> bool:
        return bool(self._refused)

    def refused(self, key: KeyName) -> None:
        """The provider refused it, or it could not be made ready."""
        if key not in self._refused:
            self._refused.add(key)
            self._tell(KeyChange(key, is_refused=True, others=self._others(key)))

    def taken(self, key: KeyName) -> None:
        """The provider took it."""
        if key in self._refused:
            self._refused.discard(key)
            self._tell(KeyChange(key, is_refused=False, others=self._others(key)))

    def keep_only(self, origins: Collection[Hashable]) -> None:
        """Forget the keys of every other origin."""
        self._refused = {key for key in self._refused if key.origin in origins}

    def _others(self, key: KeyName) -> int:
        """How many other keys of the same provider and model are not refused."""
        alike = (key.origin, key.provider, key.model, key.keys)
        refused = [each for each in self._refused if (each.origin, each.provider, each.model, each.keys) == alike]
        return key.keys - len({*refused, key})
