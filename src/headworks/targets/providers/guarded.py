"""A target of an account that keeps callers' files: what a call says may name the caller's own of them, not another's."""

from __future__ import annotations

from headworks.belongings import owner_of
from headworks.errors import ProviderRefused
from headworks.pending import Pending
from headworks.targets.providers.owned import Register
from headworks.targets.providers.things import names_in_document
from headworks.values import Call, Opening, Outcome, Target

NAME_THINGS = frozenset({"chat", "responses"})
"""The tasks whose requests may name what lies at the provider."""

MARKS = (b"file", b"previous", b"\\u")
"""A call that names a file or an earlier answer has one of these in it: the field's name, or letters of it written by their numbers."""


class Guarded:
    """Asks a target, unless the call names another caller's thing; implements values.Target.

    Such a call is refused as the provider refuses one that names what it does not know.
    Cost: a search of the input; where it finds something, the input decoded and a read of the table.
    Safe under: one thread, the event loop's.
    """

    def __init__(self, target: Target, register: Register) -> None:
        self.name = target.name
        self._target = target
        self._register = register

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """Ask; see values.Target.

        Raises: ProviderRefused, through the pending result.
        """
        document = call.payload.document
        if any(mark in document for mark in MARKS):
            owner = owner_of(opening.caller, self._register.first_key)
            if self._register.belongings.are_foreign(owner, names_in_document(document)):
                refused: Pending[Outcome] = Pending()
                refused.fail(ProviderRefused())
                return refused
        return self._target.start(call, caller_id, deadline_ns, opening)

    def predicted_wait_ns(self, rows: int) -> int:
        """That of the target."""
        return self._target.predicted_wait_ns(rows)

    def load(self) -> float:
        """That of the target."""
        return self._target.load()
