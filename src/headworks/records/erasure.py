"""What the desk is asked when a person is to be forgotten, and what it answers."""

from __future__ import annotations

from msgspec import Struct

from headworks.pending import Pending
from headworks.stores.work import Item


class Erased(Struct, frozen=True):
    """What an erasure did.

    Shapes: `record` is the number of the signed row that says so; `data_keys` counts the keys that were destroyed.
    """

    record: int
    data_keys: int


class Erase(Item):
    """An owner whose data keys are to be destroyed, and who asked for it."""

    __slots__ = ("actor", "owner")

    def __init__(self, pending: Pending[Erased], owner: bytes, actor: str) -> None:
        super().__init__(pending)
        self.owner = owner
        self.actor = actor
