"""One attempt at a provider: reserve, sign, say that it is under way, send, understand; every end is told once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from msgspec import Struct
from msgspec.json import Decoder

from headworks.contract.schema import EVENTS, JSON, Schema
from headworks.errors import (
    ClientGone,
    ContractViolation,
    DeadlineExceeded,
    HeadworksError,
    Overloaded,
    ProviderBusy,
)
from headworks.pending import Pending
from headworks.ports import Money
from headworks.targets.providers.free import FREE
from headworks.targets.providers.health import Pass, Standing
from headworks.targets.providers.hold import (
    HoldPolicy,
    ProviderStream,
    Source,
    Upstream,
    held_back,
    limits_of,
    whole_body,
)
from headworks.targets.providers.http.exchange import ResponseStream
from headworks.targets.providers.http.settings import Timeouts
from headworks.targets.providers.passed import BYTES, PassedStream
from headworks.targets.providers.retry import Random
from headworks.targets.providers.sign import Offload, Signer
from headworks.targets.providers.trial import Side, Trial
from headworks.targets.providers.understand import believed, understood
from headworks.targets.providers.waiting import Timers, done_within
from headworks.targets.providers.wire import Answer, Ask, Bound, HttpRequest, HttpResponse, Origin
from headworks.units import Clock
from headworks.values import Outcome

UNPAID = frozenset({"token-count", "message-token-count"})
"""Tasks that every vendor serves for nothing."""
NEVER_NS = 2**62
"""The deadline of a stream as the client sees it: once it was let go, only the attempt's own times bound it."""

_document = Decoder().decode
_Way = Callable[["Site", Ask, HttpRequest, Side, Trial], Coroutine[Any, Any, Outcome]]
"""How one attempt is sent and its answer taken."""


class Client(Protocol):
    """The HTTP client; see providers/client.py."""

    def send(
        self,
        origin: Origin,
        request: HttpRequest,
        timeouts: Timeouts,
        deadline_ns: int,
        on_sent: Callable[[], None] | None = None,
    ) -> Pending[HttpResponse]:
        """The whole answer; `on_sent` is told just before the first byte may leave."""

    def stream(
        self,
        origin: Origin,
        request: HttpRequest,
        timeouts: Timeouts,
        deadline_ns: int,
        on_sent: Callable[[], None] | None = None,
    ) -> Pending[ResponseStream]:
        """The answer as it comes."""


class Tools(Struct, frozen=True):
    """What attempts work with, the same for every target."""

    client: Client
    clock: Clock
    timers: Timers
    offload: Offload
    random: Random
    money: Money


class Site(Struct, frozen=True):
    """One target outside: what is asked, where, how it stands, and how long and how much it may take."""

    name: str
    service: str
    """What prices are looked up by: `kind/model`."""
    bound: Bound
    reply: Schema
    standing: Standing
    signer: Signer
    tools: Tools
    timeouts: Timeouts
    hold: HoldPolicy


async def attempted(site: Site, leave: Pass, side: Side) -> Outcome:
    """What the provider answers to one sending.

    Raises: what the operation's tables make of a refusal, and what the client raises; ContractViolation; what the
    budgets say; RecordUnavailable. Whatever happens, the pass is reported and the reservation settled or released.
    """
    tools, operation, call = site.tools, site.bound.operation, side.call
    money = FREE if side.manner.is_free or operation.task in UNPAID else side.manner.money or tools.money
    trial = Trial(site.standing, leave, side, money, tools.clock)
    failed: HeadworksError | None = None
    is_under_way = False
    try:
        reservation = trial.reservation = money.reserve(
            call, side.opening.caller, site.service, site.bound.added_tokens
        )
        payload = call.payload
        ask = Ask(payload.document, payload.blobs, call.is_stream and operation.can_stream, reservation.output_cap)
        request = operation.request(ask)
        if not site.signer.is_ready(leave.key):
            await _refreshed(site, leave, side, trial)
        request = site.signer.signed(request, leave.key)
        await side.opening.open(reservation)
        trial.is_asked = True
        outcome = await _way(side, ask)(site, ask, request, side, trial)
        is_under_way = True
        return outcome
    except HeadworksError as error:
        failed = error
        raise
    finally:
        if not is_under_way:
            trial.failed(failed or ClientGone())


def _way(side: Side, ask: Ask) -> _Way:
    if side.manner.is_passed:
        return _passed
    return _streamed if ask.is_stream else _whole


async def _refreshed(site: Site, leave: Pass, side: Side, trial: Trial) -> None:
    """Have the key renewed, within the call's time: who issues it may be slow."""
    tools = site.tools
    renewed = site.signer.refresh(leave.key)
    try:
        if not await done_within(renewed, tools.timers, side.deadline_ns - tools.clock.monotonic_ns()):
            renewed.abandon()
            raise DeadlineExceeded(reason="the provider's credential was not renewed in time")
        renewed.result()
    except (ClientGone, Overloaded):
        raise
    except HeadworksError as error:
        if trial.is_its_fault(error):
            trial.unsigned()
        raise


async def _whole(site: Site, ask: Ask, request: HttpRequest, side: Side, trial: Trial) -> Outcome:
    operation, tools = site.bound.operation, site.tools
    try:
        response = await tools.client.send(site.bound.origin, request, site.timeouts, side.deadline_ns, trial.sent)
    except ProviderBusy as error:
        raise _crowded(site, error) from None
    if not 200 <= response.status < 300:
        trial.refused(response.status)
        raise understood(operation.failure, response)
    answer = understood(operation.reply, ask, response)
    usage = trial.usage = believed(answer.usage)
    _hold_to_contract(site, answer)
    trial.judge(None)
    cost_micros = trial.settle(None)
    return Outcome(
        answer.document,
        site.name,
        answer.model or operation.model,
        run_ns=trial.took_ns,
        media=answer.media,
        usage=usage,
        cost_micros=cost_micros,
    )


async def _streamed(site: Site, ask: Ask, request: HttpRequest, side: Side, trial: Trial) -> Outcome:
    operation, tools = site.bound.operation, site.tools
    clock, timers = tools.clock, tools.timers
    limits = limits_of(site.hold, clock.monotonic_ns(), side.deadline_ns)
    source = await _accepted(site, request, side, trial)
    is_let_go = False
    try:
        reader = operation.reader(ask)
        held = await held_back(source, reader, site.hold, limits, timers, clock)
        is_let_go = True
    finally:
        if not is_let_go:
            source.cancel()
    trial.judge(None)
    stream = ProviderStream(Upstream(source, reader, held, limits, trial.stream_ended), timers, clock)
    return Outcome(b"", site.name, stream.model or operation.model, run_ns=trial.took_ns, stream=stream, media=EVENTS)


async def _passed(site: Site, ask: Ask, request: HttpRequest, side: Side, trial: Trial) -> Outcome:
    """A body of any length and kind: from its head on only the attempt's own times bound it."""
    source = await _accepted(site, request, side, trial)
    trial.judge(None)
    stream = PassedStream(source, trial.stream_ended)
    return Outcome(b"", site.name, site.bound.operation.model, run_ns=trial.took_ns, stream=stream, media=BYTES)


async def _accepted(site: Site, request: HttpRequest, side: Side, trial: Trial) -> Source:
    """A stream whose head says that all is well.

    Raises: what the operation makes of a refusal.
    """
    source = await _head(site, request, side, trial)
    if 200 <= source.status < 300:
        return source
    try:
        trial.refused(source.status)
        body = await whole_body(source, side.deadline_ns, site.tools.timers, site.tools.clock)
        raise understood(site.bound.operation.failure, HttpResponse(source.status, source.headers, body))
    finally:
        source.cancel()


async def _head(site: Site, request: HttpRequest, side: Side, trial: Trial) -> Source:
    tools = site.tools
    asked = tools.client.stream(site.bound.origin, request, site.timeouts, NEVER_NS, trial.sent)
    left_ns = side.deadline_ns - tools.clock.monotonic_ns()
    if not asked.is_done and not await done_within(asked, tools.timers, left_ns):
        asked.abandon()
        raise DeadlineExceeded
    try:
        return asked.result()
    except ProviderBusy as error:
        raise _crowded(site, error) from None


def _crowded(site: Site, error: ProviderBusy) -> Overloaded:
    """Our own queue for connections is full, which says nothing of the provider or its key."""
    return Overloaded(f"Too many calls wait for {site.name}.", retry_after_s=1.0, reason=error.reason)


def _hold_to_contract(site: Site, answer: Answer) -> None:
    if answer.read_as is not None and answer.read_as is site.reply.declared:
        return
    if answer.media != JSON or site.reply.surely_holds(answer.document):
        return
    document = understood(_document, answer.document)
    if not site.reply.is_valid(document):
        wrong = site.reply.errors(document)
        told = "; ".join(f"{error.pointer} {error.message}" for error in wrong[:3])
        raise ContractViolation(reason=f"the answer of {site.name} breaks its contract: {told}")
