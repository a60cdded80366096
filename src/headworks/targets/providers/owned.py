"""A provider's things, each caller's apart: callers share one account there, and none learns of another's things.

What is asked for by its id must be the caller's own; what a caller makes is its own before it is told of it; a list names
only its own. Somebody else's thing is answered as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial

from msgspec import Struct, structs

from headworks.belongings import Also, Belonging, Belongings, FirstKey, Page, Pseudonym, owner_of
from headworks.contract.schema import JSON
from headworks.errors import CallerError, FieldError, NotFound, ProviderBroken, SchemaViolation
from headworks.owing import Owing, Purse
from headworks.pending import Pending, Shared, driven
from headworks.ports import Endpoints
from headworks.targets.providers.batch_lines import Lines
from headworks.targets.providers.batches import BATCH, BATCH_INPUT, FILE, Batches, BatchMoney
from headworks.targets.providers.keeping import Kept
from headworks.targets.providers.sign import Offload
from headworks.targets.providers.target import ProviderTarget
from headworks.targets.providers.things import (
    Asked,
    asked_of,
    listed,
    made,
    names_in,
    produced_in,
    sent_file,
)
from headworks.targets.providers.trial import Manner, Side
from headworks.targets.providers.waiting import Gathered
from headworks.values import Call, Opening, Outcome, Payload

USUAL_PAGE, LONGEST_PAGE = 20, 100
AT_ONCE = 8
"""How many things of a list are asked for at the same time."""


class Register(Struct, frozen=True):
    """Who owns what, and how owners and persons are named there."""

    belongings: Belongings
    first_key: FirstKey
    pseudonym: Pseudonym


class Ownership(Struct, frozen=True):
    """Who owns what, what batches may ask for, and which of them are not paid yet."""

    register: Register
    owing: Owing
    endpoints: Endpoints
    purse: Purse


class Asking(Struct, frozen=True):
    """One call: what is to be done, and for whom."""

    side: Side
    asked: Asked
    owner: str


class Owned:
    """Asks a provider for the caller's own things alone; implements values.Target.

    Safe under: one thread, the event loop's.
    """

    def __init__(
        self, target: ProviderTarget, kept: Kept, register: Register, batches: Batches, offload: Offload
    ) -> None:
        self.name = target.name
        self._target = target
        self._kept = kept
        self._place = target.name.partition("/")[0]
        self._register = register
        self._known = register.belongings
        self._batches = batches
        self._offload = offload
        self._acts: Mapping[str, Callable[[Asking], Awaitable[Outcome]]] = {
            "create": self._created,
            "list": self._listed,
            "delete": self._deleted,
        }

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """Ask; abandoning the pending result closes the connection, but for a creation, which is heard to its end.

        So what was made has an owner, whoever left meanwhile.

        Raises: NotFound, SchemaViolation, CallerError where there is no room, and as ProviderTarget.start, through the
        pending result.
        """
        if call.payload.is_array:
            raise SchemaViolation("One thing is asked for at a time.")
        asked = asked_of(call.payload.document)
        work = driven(self._answered(Side(call, caller_id, deadline_ns, opening), asked))
        return Shared(work).join() if asked.action == "create" else work

    def predicted_wait_ns(self, rows: int) -> int:
        """That of the provider."""
        return self._target.predicted_wait_ns(rows)

    def load(self) -> float:
        """That of the provider."""
        return self._target.load()

    async def _answered(self, side: Side, asked: Asked) -> Outcome:
        asking = Asking(side, asked, owner_of(side.opening.caller, self._register.first_key))
        return await self._acts.get(asked.action, self._one)(asking)

    async def _created(self, asking: Asking) -> Outcome:
        """A new thing, made of nothing but the caller's own, and the caller's before it is told."""
        kept, owner, place = self._kept, asking.owner, self._place
        if kept.can_be_deleted and not self._known.has_room(place, kept.kind, owner):
            raise CallerError(f"No more of kind {kept.kind} are kept for this caller; delete some.")
        used = [*self._used(asking)]
        self._refuse_foreign(asking, names_in(asking.asked.body))
        lines = await self._lines(asking)
        money = self._money(asking) if kept.kind == BATCH else None
        outcome = await self._asked(_sending(asking, lines), Manner(kept.is_free, may_repeat=False, money=money))
        thing = made(outcome.body)
        if thing.name is None:
            raise ProviderBroken(reason="what was made has no id")
        subject = self._subject(asking) or next((each.subject for each in used if each.subject), None)
        new = Belonging(place, thing.name, kept.kind, owner, asking.asked.purpose, subject, thing.expires_s)
        also = None if lines is None else self._batches.noting(new.id, lines)
        if money is not None:
            also = self._batches.beginning(new.id, self.name, asking.side, money)
        await self._keep([new, *self._produced(outcome.body, new)], may_drop=not kept.can_be_deleted, also=also)
        return outcome

    async def _lines(self, asking: Asking) -> Lines | None:
        """The lines of a file that batches may be made of, as they may be sent; None of anything else.

        Raises: SchemaViolation, NotFound.
        """
        asked = asking.asked
        if asked.purpose != BATCH_INPUT:
            return None
        content = sent_file(asked, asking.side.call.payload.blobs) or b""
        lines = await self._offload(partial(self._batches.lines, content, asking.side.opening.caller, asking.owner))
        await self._offload(partial(self._refuse_foreign, asking, lines.names))
        return lines

    def _money(self, asking: Asking) -> BatchMoney | None:
        """What holds the money of a new batch; None where its price is known, or it lacks what the operation asks for.

        Raises: SchemaViolation.
        """
        file = (asking.asked.body or {}).get("input_file_id")
        if file is None:
            return None
        needs = self._batches.needs(file, asking.side.opening.caller, asking.owner)
        return self._batches.money(self._target.service, needs)

    async def _one(self, asking: Asking) -> Outcome:
        """What is done with one of the caller's things; what came of it is the caller's too."""
        thing = self._own(asking.asked.id, asking, self._kept.kind)
        action, kept = asking.asked.action, self._kept
        manner = Manner(is_free=True, may_repeat=action in kept.reads, is_passed=action in kept.passes)
        outcome = await self._asked(asking, manner)
        await self._note(outcome, thing)
        if outcome.stream is not None and kept.kind == FILE:
            return structs.replace(outcome, stream=self._batches.read(thing.id, outcome.stream))
        return outcome

    async def _deleted(self, asking: Asking) -> Outcome:
        """Gone, also where the provider knows it no longer."""
        thing = self._own(asking.asked.id, asking, self._kept.kind)
        if thing.kind == FILE and self._batches.is_awaited(thing.id):
            await self._read_out(asking, thing)
        try:
            outcome = await self._asked(asking, Manner(is_free=True, may_repeat=False))
        except NotFound:
            await self._known.drop(self._place, thing.id)
            raise
        await self._known.drop(self._place, thing.id)
        return outcome

    async def _read_out(self, asking: Asking, file: Belonging) -> None:
        """Read what alone tells what a batch used, before it is gone.

        Raises: what reading it raises; then nothing is deleted.
        """
        call = structs.replace(asking.side.call, payload=Payload(Asked("content", file.id).document()))
        manner = Manner(is_free=True, is_passed=True)
        try:
            outcome = await self._target.asked(structs.replace(asking.side, call=call, manner=manner))
        except NotFound:
            await self._batches.lost(file.id)
            return
        if outcome.stream is not None:
            stream = self._batches.read(file.id, outcome.stream)
            try:
                while await stream.next() is not None:
                    pass
            finally:
                stream.cancel()

    async def _listed(self, asking: Asking) -> Outcome:
        """A page of the caller's things, each asked for by its id: what others have is never looked at.

        What the provider no longer knows is left out.
        """
        asked, kept = asking.asked, self._kept
        count = min(asked.limit or USUAL_PAGE, LONGEST_PAGE)
        if asked.after is not None:
            self._own(asked.after, asking, kept.kind)
        page = Page(self._place, kept.kind, asking.owner, count + 1, asked.after, asked.purpose, asked.order == "asc")
        while True:
            ids = self._known.page(page)
            each = await self._each(ids[:count], asking)
            found = [(thing, outcome) for thing, outcome in zip(ids, each, strict=False) if outcome is not None]
            has_more = len(ids) > count
            if found or not has_more:
                break
            page = structs.replace(page, after=ids[count - 1])
        body = listed([outcome.body for _, outcome in found], [thing for thing, _ in found], has_more=has_more)
        if not found:
            return Outcome(body, self.name, "", cost_micros=0)
        run_ns = max(outcome.run_ns for _, outcome in found)
        return structs.replace(found[0][1], body=body, run_ns=run_ns)

    async def _each(self, ids: list[str], asking: Asking) -> list[Outcome | None]:
        return await Gathered([partial(self._seen, thing, asking) for thing in ids], AT_ONCE).result if ids else []

    def _seen(self, thing: str, asking: Asking) -> Pending[Outcome | None]:
        return driven(self._retrieved(thing, asking))

    async def _retrieved(self, thing: str, asking: Asking) -> Outcome | None:
        known = self._known.find(self._place, thing)
        if known is None:
            return None
        call = structs.replace(asking.side.call, payload=Payload(Asked("retrieve", thing).document()))
        side = structs.replace(asking.side, call=call, manner=Manner(is_free=True))
        try:
            outcome = await self._target.asked(side)
        except NotFound:
            return None
        await self._note(outcome, known)
        return outcome

    def _asked(self, asking: Asking, manner: Manner) -> Pending[Outcome]:
        return self._target.asked(structs.replace(asking.side, manner=manner))

    def _own(self, thing: str | None, asking: Asking, kind: str) -> Belonging:
        """The caller's thing of this id and kind.

        Raises: NotFound.
        """
        found = None if thing is None else self._known.find(self._place, thing)
        if found is None or found.owner != asking.owner or found.kind != kind:
            raise NotFound
        return found

    def _used(self, asking: Asking) -> Iterator[Belonging]:
        """The caller's files that a new thing is made of.

        Raises: NotFound; SchemaViolation, for a file that was sent for something else.
        """
        for field, purpose in self._kept.refers.items():
            name = (asking.asked.body or {}).get(field)
            if name is None:
                continue
            file = self._own(name, asking, FILE)
            if purpose is not None and file.purpose != purpose:
                text = f"must be a file that was sent for the purpose {purpose}"
                raise SchemaViolation(errors=(FieldError(f"/body/{field}", text),))
            yield file

    def _refuse_foreign(self, asking: Asking, names: set[str]) -> None:
        """Nothing of what a thing is made of may name another caller's, wherever it stands: in its body, in a batch's lines.

        Raises: NotFound.
        """
        if self._known.are_foreign(asking.owner, names):
            raise NotFound

    def _subject(self, asking: Asking) -> bytes | None:
        subject = asking.side.call.subject
        return None if subject is None else self._register.pseudonym(subject)

    def _produced(self, document: bytes, parent: Belonging) -> list[Belonging]:
        return [
            Belonging(self._place, name, produced.kind, parent.owner, produced.purpose, parent.subject)
            for name, produced in produced_in(document, self._kept)
        ]

    async def _note(self, outcome: Outcome, parent: Belonging) -> None:
        """Remember whose it is what came of a thing, and book what it cost, before anybody is told of it."""
        found = self._produced(outcome.body, parent) if outcome.media == JSON else []
        new = [each for each in found if not self._is_known(each)]
        if new:
            await self._keep(new, may_drop=False)
        if parent.kind == BATCH:
            await self._batches.seen(parent.id, outcome.body)

    def _is_known(self, thing: Belonging) -> bool:
        known = self._known.find(thing.place, thing.id)
        return known is not None and known.owner == thing.owner

    async def _keep(self, things: list[Belonging], *, may_drop: bool, also: Also | None = None) -> None:
        if not await self._known.keep(things, may_drop=may_drop, also=also):
            raise ProviderBroken(reason="a thing that somebody else owns was told of as this caller's")


def _sending(asking: Asking, lines: Lines | None) -> Asking:
    """The same with a batch's lines as they may be sent."""
    if lines is None:
        return asking
    call = asking.side.call
    blobs = (("file", lines.content),)
    side = structs.replace(asking.side, call=structs.replace(call, payload=Payload(call.payload.document, blobs)))
    return structs.replace(asking, side=side)
