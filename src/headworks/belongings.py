"""Whose is what a provider keeps: callers share one account there, so each thing has an owner here.

A thing without an owner is nobody's: no caller sees it, whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from msgspec import Struct

from headworks.pending import Pending
from headworks.values import Caller


class Belonging(Struct, frozen=True):
    """One thing at a provider, and whose it is.

    Shapes: `place` is the provider's name in the configuration; `kind` such as `file`; `owner` see `owner_of`. `subject` is
    the pseudonym of the person whom the call that made it was about. Units: `expires_s` since 1970 UTC.
    """

    place: str
    id: str
    kind: str
    owner: str
    purpose: str | None = None
    subject: bytes | None = None
    expires_s: int | None = None


class Bounds(Struct, frozen=True):
    """How many things of one kind one owner may have at one provider, and how many there may be together."""

    each: int = 10_000
    in_all: int = 2_000_000


class Page(Struct, frozen=True):
    """Which of an owner's things are asked for: those after one of them, of one purpose, the newest first or last."""

    place: str
    kind: str
    owner: str
    most: int
    after: str | None = None
    purpose: str | None = None
    is_oldest_first: bool = False


Also = Callable[[Any], None]
"""Writes something of the store's own in the transaction that it is handed."""


class Belongings(Protocol):
    """What is durably known of owners. Reads answer at once, as of the last commit; writes resolve when they are durable.

    Raises: RecordUnavailable (503), from reads or through the pending result.
    Safe under: the event loop's thread.
    """

    @property
    def is_empty(self) -> bool:
        """Whether nobody has anything."""

    def find(self, place: str, thing: str) -> Belonging | None:
        """One thing; None for what has no owner, or has expired."""

    def page(self, page: Page) -> list[str]:
        """The ids of an owner's things, in the order in which they were learnt of; none after what is not among them."""

    def has_room(self, place: str, kind: str, owner: str) -> bool:
        """Whether one more of a kind may be kept for an owner."""

    def are_foreign(self, owner: str, ids: Collection[str]) -> bool:
        """Whether any of these belongs to another owner, at any provider: several may stand for one account.

        Safe under: any thread.
        """

    def keep(self, things: Iterable[Belonging], *, may_drop: bool = False, also: Also | None = None) -> Pending[bool]:
        """Remember owners, and `also` what belongs to that; False, and nothing is remembered, when one of the things is somebody else's already.

        With `may_drop` the oldest of that kind and owner makes room.
        """

    def drop(self, place: str, thing: str) -> Pending[None]:
        """Forget a thing that is gone."""


Pseudonym = Callable[[str], bytes]
"""Of a person, as `X-Subject` names them; the same each time, and of no use to who does not know the person."""

FirstKey = Callable[[str], str]
"""The id of the first key of a line of rotations, by that of any of them."""


def owner_of(caller: Caller, first_key: FirstKey) -> str:
    """Who owns what a caller makes: its tenant, else its key, whatever key follows that one."""
    return f"tenant:{caller.tenant}" if caller.tenant else f"key:{first_key(caller.key_id)}"
