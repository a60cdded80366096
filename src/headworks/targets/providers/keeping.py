"""What a provider keeps for its callers, as facts: of which kind it is, what else it names, what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from headworks.targets.providers.wire import Operation


class Produced(Struct, frozen=True):
    """A thing that a provider makes by itself: its kind, and of a file what it is for."""

    kind: str
    purpose: str | None = None


class Kept(Struct, frozen=True):
    """One kind of thing.

    Shapes: `refers` are the fields of a creation's body that name files, with what those must have been sent for; `produces` those of a document that name what
    came of it, one or a list. `reads` are the actions that change nothing, `passes` those of them whose answer is a body of any length. `can_be_deleted` tells whether its callers can
    make room. `is_free` says that making one costs nothing, `is_sold_whole` that each has one price, whatever it uses.
    """

    kind: str
    refers: Mapping[str, str | None] = {}
    produces: Mapping[str, Produced] = {}
    reads: frozenset[str] = frozenset({"retrieve"})
    passes: frozenset[str] = frozenset()
    can_be_deleted: bool = False
    is_free: bool = False
    is_sold_whole: bool = False


class Keeping(Operation, Protocol):
    """An operation whose provider keeps something for whom it is asked."""

    @property
    def kept(self) -> Kept:
        """What it is about."""


def kept_by(operation: Operation) -> Kept | None:
    """What an operation keeps; None for all that keep nothing."""
    found = getattr(operation, "kept", None)
    return found if isinstance(found, Kept) else None
