"""One account's batches: whether their lines may run, what that may cost, and what it came to, booked once.

A batch is billed by its lines, long after it was begun. What they may cost at most is held when it is begun; what they
used is told by the batch once it has ended, else by its output as that passes, and then takes the place of what was held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol, TypeVar

from msgspec import Struct, structs

from headworks.belongings import Also, Belongings
from headworks.costs import Reservation, Settlement, Usage
from headworks.errors import FieldError, SchemaViolation
from headworks.owing import Needs, Owed, Owing, Purse
from headworks.pending import Pending, Shared, driven
from headworks.ports import Money
from headworks.targets.providers.batch_lines import Lines, ModelOf, read_lines
from headworks.targets.providers.batch_told import NOTHING, OutputReader, all_of, ended
from headworks.targets.providers.trial import Side
from headworks.units import iso_time
from headworks.values import Call, Caller, Endpoint, Quota, Stream

T = TypeVar("T")
FILE, BATCH, MODEL = "file", "batch", "model"
ANY = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
BATCH_INPUT = "batch"
"""What a file of lines is sent for."""


class NamedModels(Protocol):
    """Which of a provider's models callers may use.

    Safe under: any thread.
    """

    def named(self, place: str, caller: Caller, name: str) -> str | None:
        """The model that a name stands for; None for one that the caller may not use."""

    def may_use(self, place: str, caller: Caller, model: str) -> bool:
        """Whether the caller may use a model."""


class Books(Struct, frozen=True):
    """What every account's batches are judged and booked by."""

    owing: Owing
    purse: Purse
    money: Money
    models: NamedModels
    service: Callable[[str, str], str]
    """At a provider: what a model's prices are looked up by."""


class BatchMoney:
    """The money of the call that begins a batch; implements ports.Money.

    What it holds stays charged when the call has ended, and what it cost is not known yet.
    """

    def __init__(self, money: Money, purse: Purse, models: tuple[str, ...], needs: Mapping[str, Needs]) -> None:
        self._money = money
        self._purse = purse
        self._needs = needs
        self.models = models
        """Those that its lines name."""
        self.held: Reservation | None = None
        """What the last attempt held."""

    def check(self, caller: Caller, endpoint: Endpoint) -> None:
        """See ports.Money."""
        self._money.check(caller, endpoint)

    def reserve(self, call: Call, caller: Caller, service: str, added_tokens: int = 0) -> Reservation:
        """See ports.Money; by its lines, whose sizes are known since they were sent."""
        self.held = self._purse.hold(call, caller, service, self._needs)
        return self.held

    def left(self, caller: Caller, endpoint: Endpoint) -> tuple[Quota, ...]:
        """See ports.Money."""
        return self._money.left(caller, endpoint)

    def settle(self, reservation: Reservation, usage: Usage | None, *, is_free: bool = False) -> Settlement:
        """See ports.Money."""
        settlement = self._money.settle(reservation, None, is_free=is_free)
        return settlement if is_free else Settlement(structs.replace(reservation, micros=None), None)


class Batches:
    """The batches of one account.

    Safe under: one thread, the event loop's; `lines` and what it calls under any.
    """

    def __init__(self, place: str, known: Belongings, books: Books) -> None:
        self._place = place
        self._known = known
        self._books = books
        self._owing = books.owing

    def lines(self, content: bytes, caller: Caller, owner: str) -> Lines:
        """A file's lines as they may be sent.

        Raises: SchemaViolation (422).
        """
        return read_lines(content, self._model_of(caller, owner))

    def needs(self, file: str, caller: Caller, owner: str) -> Mapping[str, Needs]:
        """What the lines of a file need, by model; each model is still one that the caller may use.

        Raises: SchemaViolation (422).
        """
        needs = self._owing.needs(self._place, file)
        if needs is None:
            raise _unfit("must be a file whose lines were looked at; send it again")
        may_use = partial(self._books.models.may_use, self._place, caller)
        if not all(may_use(model) or self._has_trained(model, owner) for model in needs):
            raise _unfit("names a file whose lines name a model that is none of this key's any more")
        return needs

    def noting(self, file: str, lines: Lines) -> Also:
        """What remembers what a file's lines need."""
        return self._owing.noting(self._place, file, lines.needs)

    def money(self, service: str, needs: Mapping[str, Needs]) -> BatchMoney | None:
        """What holds and settles the call that begins a batch; None where each batch has a price of its own."""
        books = self._books
        if books.purse.is_sold_whole(service):
            return None
        return BatchMoney(books.money, books.purse, tuple(needs), self._by_service(needs))

    def beginning(self, batch: str, target: str, side: Side, money: BatchMoney) -> Also:
        """What remembers a batch that the provider has begun, and what is held for it."""
        endpoint, held = side.call.endpoint, money.held
        return self._owing.beginning(
            Owed(
                place=self._place,
                id=batch,
                models=money.models,
                day=iso_time(side.opening.at_wall_ns)[:10],
                caller_id=side.caller_id,
                endpoint=endpoint.name,
                version=endpoint.version,
                target=target,
                held_micros=None if held is None else held.micros,
                accounts=() if held is None else held.budgets,
                attempt=None if held is None else held.number,
            )
        )

    async def seen(self, batch: str, document: bytes) -> None:
        """Book a batch that has ended, if it says what it used; else remember which file does."""
        owed = self._owing.find(self._place, batch)
        told = None if owed is None else ended(document)
        if owed is None or told is None:
            return
        if told.usage is not None and (len(owed.models) == 1 or told.usage == NOTHING):
            await self._booked(owed, dict.fromkeys(owed.models[:1], told.usage), told.usage)
        elif told.output is None:
            await self._booked(owed, None, told.usage or Usage())
        elif owed.output != told.output:
            await self._owing.point(owed, told.output)

    def read(self, file: str, stream: Stream) -> Stream:
        """A file's content on its way; when it is a batch's output, it is added up and booked before its end is told."""
        owed = self._owing.of_output(self._place, file)
        return stream if owed is None else CountedStream(stream, partial(self._read, owed))

    def is_awaited(self, file: str) -> bool:
        """Whether nothing but this file tells what a batch used."""
        return self._owing.of_output(self._place, file) is not None

    async def lost(self, file: str) -> None:
        """Nobody will ever know what the batch of this output used: what was held stays charged."""
        owed = self._owing.of_output(self._place, file)
        if owed is not None:
            await self._booked(owed, None, Usage())

    def _read(self, owed: Owed, reader: OutputReader) -> Pending[None]:
        used = reader.used
        if len(owed.models) == 1:
            used = {owed.models[0]: all_of(used)}
        return self._booked(owed, used if reader.is_known else None, all_of(used))

    def _booked(self, owed: Owed, used: Mapping[str, Usage] | None, usage: Usage) -> Pending[None]:
        """Book it, also when nobody waits for that any more."""
        return Shared(driven(self._book(owed, used, usage))).join()

    async def _book(self, owed: Owed, used: Mapping[str, Usage] | None, usage: Usage) -> None:
        purse = self._books.purse
        counted = dict.fromkeys(owed.models, ANY) if used is None else used
        cost_micros = purse.batch_micros(self._by_service(counted))
        if used is None and cost_micros:
            cost_micros = None  # but what is free is free, whatever was used of it
        is_first = await self._owing.book(owed, usage, cost_micros)
        if is_first and cost_micros is not None and owed.held_micros is not None:
            purse.correct(owed.accounts, cost_micros - owed.held_micros)

    def _by_service(self, by_model: Mapping[str, T]) -> dict[str, T]:
        """The same by what prices are looked up by."""
        return {self._books.service(self._place, model): each for model, each in by_model.items()}

    def _model_of(self, caller: Caller, owner: str) -> ModelOf:
        """What names stand for: an endpoint's model, or one that the caller trained."""

        def model_of(name: str) -> str | None:
            return self._books.models.named(self._place, caller, name) or (
                name if self._has_trained(name, owner) else None
            )

        return model_of

    def _has_trained(self, model: str, owner: str) -> bool:
        known = self._known.find(self._place, model)
        return known is not None and (known.owner, known.kind) == (owner, MODEL)


class CountedStream:
    """A batch's output on its way; `told` is waited for before its end is given. Implements values.Stream."""

    __slots__ = ("_reader", "_stream", "_told")

    def __init__(self, stream: Stream, told: Callable[[OutputReader], Pending[None]]) -> None:
        self._stream = stream
        self._told = told
        self._reader = OutputReader()

    def next(self) -> Pending[bytes | None]:
        """See values.Stream.

        Raises: RecordUnavailable at the end, through the pending result.
        """
        return driven(self._next())

    def cancel(self) -> None:
        """See values.Stream; of a part nothing is booked."""
        self._stream.cancel()

    def billed(self) -> tuple[Usage | None, int | None]:
        """See values.Stream."""
        return self._stream.billed()

    async def _next(self) -> bytes | None:
        piece = await self._stream.next()
        if piece is not None:
            self._reader.feed(piece)
            return piece
        self._reader.finish()
        await self._told(self._reader)
        return None


def _unfit(text: str) -> SchemaViolation:
    return SchemaViolation(errors=(FieldError("/body/input_file_id", text),))
