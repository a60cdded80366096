"""A target whose provider stores its answers: whose each is, is durable before anything of it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, structs
from msgspec.json import Decoder

from headworks.belongings import Belonging, owner_of
from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.pending import Pending, driven
from headworks.targets.providers.owned import Register
from headworks.targets.providers.things import Made, made
from headworks.units import SECOND_NS, Clock
from headworks.values import Call, Opening, Outcome, Stream, Target

RESPONSES, RESPONSE = "responses", "response"
"""The task whose answers are stored, and the kind that each of them is."""

STORED_S = 30 * 86_400
"""How long a provider stores an answer, unless it says otherwise."""


class _Told(Struct, frozen=True):
    store: Any = None


class _Event(Struct, frozen=True):
    response: Made | None = None


_told = Decoder(_Told).decode
_event = Decoder(_Event).decode


class Noted:
    """Asks a target and notes whose the answer is; implements values.Target.

    Safe under: one thread, the event loop's.
    """

    def __init__(self, target: Target, register: Register, clock: Clock) -> None:
        self.name = target.name
        self._target = target
        self._place = target.name.partition("/")[0]
        self._register = register
        self._clock = clock

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """Ask; see values.Target. Only what the caller wants stored is, at the provider as here."""
        asked = self._target.start(call, caller_id, deadline_ns, opening)
        if _told(call.payload.document).store is not True:
            return asked
        return driven(self._answered(asked, call, opening))

    def predicted_wait_ns(self, rows: int) -> int:
        """That of the target."""
        return self._target.predicted_wait_ns(rows)

    def load(self) -> float:
        """That of the target."""
        return self._target.load()

    async def _answered(self, asked: Pending[Outcome], call: Call, opening: Opening) -> Outcome:
        outcome = await asked
        owner = owner_of(opening.caller, self._register.first_key)
        subject = None if call.subject is None else self._register.pseudonym(call.subject)
        keep = partial(self._keep, owner, subject)
        if outcome.stream is not None:
            return structs.replace(outcome, stream=NotedStream(outcome.stream, keep))
        await keep(made(outcome.body).name)
        return outcome

    async def _keep(self, owner: str, subject: bytes | None, name: str | None) -> None:
        """Remember whose an answer is, if it has a name.

        Raises: ProviderBroken, for one that is somebody else's.
        """
        if name is None:
            return
        expires_s = self._clock.wall_ns() // SECOND_NS + STORED_S
        thing = Belonging(self._place, name, RESPONSE, owner, None, subject, expires_s)
        if not await self._register.belongings.keep([thing], may_drop=True):
            raise ProviderBroken(reason="an answer has the name of somebody else's")


class NotedStream:
    """Events of an answer, the first that names it given once its owner is durable; implements values.Stream."""

    def __init__(self, stream: Stream, keep: Callable[[str | None], Awaitable[None]]) -> None:
        self._stream = stream
        self._keep = keep
        self._is_noted = False

    def next(self) -> Pending[bytes | None]:
        """See values.Stream."""
        return self._stream.next() if self._is_noted else driven(self._noted())

    def cancel(self) -> None:
        """See values.Stream."""
        self._stream.cancel()

    def billed(self) -> tuple[Usage | None, int | None]:
        """See values.Stream."""
        return self._stream.billed()

    async def _noted(self) -> bytes | None:
        event = await self._stream.next()
        name = None if event is None else _name_in(event)
        if name is not None:
            self._is_noted = True
            await self._keep(name)
        return event


def _name_in(event: bytes) -> str | None:
    """The name of the answer that an event tells of."""
    try:
        response = _event(event).response
    except (DecodeError, ValidationError):
        return None
    return None if response is None else response.name
