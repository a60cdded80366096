"""One operation of a provider as a Target: rows, attempts and what follows a failed one, under one deadline."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TypeVar

from msgspec import Raw, Struct, structs
from msgspec.json import Decoder

from headworks.contract.schema import Schema
from headworks.costs import Usage
from headworks.errors import (
    BudgetExhausted,
    FieldError,
    HeadworksError,
    NotAcceptable,
    PriceUnknown,
    ProviderBusy,
    ProviderKeyRejected,
    ProviderUnavailable,
    RateLimited,
    SchemaViolation,
)
from headworks.pending import Pending, driven
from headworks.targets.providers.attempt import Site, Tools, attempted
from headworks.targets.providers.balance import PeakLoad
from headworks.targets.providers.breaker import State
from headworks.targets.providers.health import Health
from headworks.targets.providers.hold import HoldPolicy
from headworks.targets.providers.http.settings import Timeouts
from headworks.targets.providers.retry import RetryPolicy, Step, Tried, following, only_if_undone
from headworks.targets.providers.sign import Signer
from headworks.targets.providers.trial import Side
from headworks.targets.providers.waiting import Gathered, pause
from headworks.targets.providers.wire import Bound
from headworks.units import SECOND_NS
from headworks.values import Call, Opening, Outcome, Payload

T = TypeVar("T", int, float)

CHAT_TIMEOUTS = Timeouts(connect_s=5.0, first_byte_s=30.0, idle_s=30.0, total_s=120.0)
TASK_TIMEOUTS = Timeouts(connect_s=5.0, first_byte_s=10.0, idle_s=10.0, total_s=10.0)

_rows = Decoder(list[Raw]).decode


class TargetPolicy(Struct, frozen=True):
    """How one target outside is asked.

    Shapes: `timeouts` None are those of its task. An array is sent as one call a row, `rows_at_once` under way at a time.
    """

    timeouts: Timeouts | None = None
    retry: RetryPolicy = RetryPolicy()
    hold: HoldPolicy = HoldPolicy()
    rows_at_once: int = 8
    most_rows: int = 256


class ProviderState(Struct, frozen=True):
    """How one target outside fares, for metrics and administration.

    Shapes: `failed` counts attempts that failed, by the code of their error.
    """

    name: str
    origin: State
    model: State
    keys: tuple[State, ...]
    keys_rejected: int
    sent: int
    running: int
    failed: dict[str, int]
    is_set_aside: bool


class ProviderTarget:
    """Answers calls by one operation of a provider; implements values.Target.

    Safe under: one thread, the event loop's.
    """

    def __init__(
        self,
        name: str,
        service: str,
        bound: Bound,
        reply: Schema,
        health: Health,
        tools: Tools,
        policy: TargetPolicy | None = None,
    ) -> None:
        self.name = name
        self._policy = policy or TargetPolicy()
        self._tools = tools
        operation, credentials = bound.operation, bound.credentials
        timeouts = self._policy.timeouts or (CHAT_TIMEOUTS if operation.can_stream else TASK_TIMEOUTS)
        provider = name.partition("/")[0]
        self._site = Site(
            name=name,
            service=service,
            bound=bound,
            reply=reply,
            standing=health.standing(provider, bound.origin, operation.model, len(credentials)),
            signer=Signer(credentials, bound.origin, tools.offload, tools.clock),
            tools=tools,
            timeouts=timeouts,
            hold=self._policy.hold,
        )
        self._load = PeakLoad()
        self._sent = 0
        self._failed: dict[str, int] = {}

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """Ask the provider, again where that is allowed; abandoning the pending result closes its connection.

        Raises: ProviderError, ProviderRefused, ContractViolation, DeadlineExceeded, Overloaded, BudgetExhausted,
        PriceUnknown, RecordUnavailable, through the pending result.
        """
        return self.asked(Side(call, caller_id, deadline_ns, opening))

    def asked(self, side: Side) -> Pending[Outcome]:
        """The same, for who knows more of the call.

        Raises: as `start`.
        """
        if side.call.payload.is_array:
            return driven(self._each_row(side))
        return driven(self._answered(side))

    @property
    def service(self) -> str:
        """What its prices are looked up by."""
        return self._site.service

    def predicted_wait_ns(self, rows: int) -> int:
        """Nothing: a provider is asked at once, or refused at once while it is set aside."""
        return 0

    def load(self) -> float:
        """What it takes of late, to its whole answer or first content, times what it has in hand; see values.Target."""
        now_ns = self._tools.clock.monotonic_ns()
        return inf if self._site.standing.wait_ns(now_ns) > 0 else self._load.cost(now_ns)

    def set_aside_ns(self) -> int:
        """For how long it will not be asked; 0 when it can be asked now."""
        return self._site.standing.wait_ns(self._tools.clock.monotonic_ns())

    def state(self) -> ProviderState:
        """How it fares."""
        standing = self._site.standing
        return ProviderState(
            self.name,
            *standing.states(),
            standing.keys_rejected,
            self._sent,
            self._load.in_flight,
            dict(self._failed),
            self.set_aside_ns() > 0,
        )

    async def _each_row(self, side: Side) -> Outcome:
        """The rows of an array, each asked for on its own, as one array."""
        payload = side.call.payload
        self._refuse_unfit(side.call, payload)
        starts = [partial(self._row, bytes(row), side) for row in _rows(payload.document)]
        outcomes = await Gathered(starts, self._policy.rows_at_once).result
        if not outcomes:
            return Outcome(b"[]", self.name, self._site.bound.operation.model, batch_rows=0)
        return structs.replace(
            outcomes[0],
            body=b"[" + b",".join([outcome.body for outcome in outcomes]) + b"]",
            run_ns=max(outcome.run_ns for outcome in outcomes),
            batch_rows=len(outcomes),
            usage=_summed([outcome.usage for outcome in outcomes]),
            cost_micros=_total([outcome.cost_micros for outcome in outcomes]),
        )

    def _refuse_unfit(self, call: Call, payload: Payload) -> None:
        if not call.endpoint.contract.is_batch:
            raise SchemaViolation(errors=(FieldError("", "must be one input, not an array of them"),))
        if call.is_stream:
            raise NotAcceptable("An array of inputs is answered whole; ask for application/json.")
        if payload.rows > self._policy.most_rows:
            raise SchemaViolation(errors=(FieldError("", f"must have at most {self._policy.most_rows} items here"),))

    def _row(self, document: bytes, side: Side) -> Pending[Outcome]:
        """One row is a call of its own, so that what it may cost is counted by its own size."""
        call = structs.replace(side.call, payload=Payload(document))
        return driven(self._answered(structs.replace(side, call=call, is_row=True)))

    async def _answered(self, side: Side) -> Outcome:
        """The first good answer; a failed attempt is followed by what the table says.

        Raises: the last attempt's error.
        """
        clock, standing = self._tools.clock, self._site.standing
        spent: frozenset[int] = frozenset()
        sent, is_repeated = 0, False
        failed: HeadworksError | None = None
        self._load.begin()
        try:
            while True:
                leave = standing.admit(clock.monotonic_ns(), spent)
                if leave is None:
                    raise failed or self._unavailable()
                self._sent += 1
                try:
                    outcome = await attempted(self._site, leave, side)
                    self._load.observe(outcome.run_ns, clock.monotonic_ns())
                    return outcome
                except HeadworksError as error:
                    failed = self._counted(error, failed)
                tried = Tried(sent + 1, is_repeated, self._has_other_key(spent | {leave.key}), side.is_last)
                step = self._following(failed, tried, side)
                if step.is_other_key:
                    spent |= {leave.key}
                    continue
                sent += 1
                is_repeated = is_repeated or step.wait_ns == 0
                if step.wait_ns:
                    await pause(self._tools.timers, step.wait_ns)
        finally:
            self._load.end()

    def _following(self, failed: HeadworksError, tried: Tried, side: Side) -> Step:
        left_ns = side.deadline_ns - self._tools.clock.monotonic_ns()
        retry = self._policy.retry if side.manner.may_repeat else only_if_undone(self._policy.retry)
        step = following(failed, tried, retry, left_ns, self._tools.random)
        if step is None:
            raise failed
        return step

    def _has_other_key(self, spent: frozenset[int]) -> bool:
        return self._site.standing.has_other_key(self._tools.clock.monotonic_ns(), spent)

    def _counted(self, error: HeadworksError, earlier: HeadworksError | None) -> HeadworksError:
        """The failure to go by: that a further attempt cannot be paid for is no reason to hide why it was needed."""
        self._failed[error.code] = self._failed.get(error.code, 0) + 1
        if earlier is not None and isinstance(error, BudgetExhausted | PriceUnknown | RateLimited):
            raise earlier
        return error

    def _unavailable(self) -> HeadworksError:
        """Why it is not asked: it failed of late, every key was told to wait, or every key was refused."""
        origin, model, keys = self._site.standing.states()
        wait_s = max(self.set_aside_ns() / SECOND_NS, 0.001)
        if origin is not State.CLOSED or model is not State.CLOSED:
            return ProviderUnavailable(f"{self.name} failed of late and is set aside.", retry_after_s=wait_s)
        if State.BENCHED in keys:
            return ProviderBusy(retry_after_s=wait_s, reason="every key was told to wait")
        return ProviderKeyRejected(reason="every key was refused of late")


def _summed(usages: list[Usage | None]) -> Usage | None:
    """What all used together; of a figure that one of them does not know, nothing is known."""
    if not usages or any(usage is None for usage in usages):
        return None
    figures = {name: _total([getattr(usage, name) for usage in usages]) for name in Usage.__struct_fields__}
    return Usage(**figures)


def _total(figures: list[T | None]) -> T | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None
