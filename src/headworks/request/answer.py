"""What answers a call: a kept answer, the planned targets, and what the endpoint says instead when none of them does."""

from collections.abc import Awaitable
from functools import partial

from msgspec import structs

from headworks.errors import HeadworksError, ModelUnavailable, Overloaded, ProviderRefused, TargetError
from headworks.pending import Pending, driven
from headworks.ports import Embedded, Parts
from headworks.request.embed import embedded
from headworks.request.record import Line
from headworks.request.run import run
from headworks.values import Call, Caller, Opening, Outcome, Plan, Target

DECLARED = "declared"


def answer(plan: Plan, parts: Parts, opening: Line) -> Awaitable[Outcome]:
    """The outcome, whoever gives it; `degraded` says when it is less than what was asked for.

    Raises: what `run` raises, when nothing else answers.
    Cost: nothing where the endpoint has no cache, no declared answer and no other target for refusals.
    """
    endpoint = plan.grant.call.endpoint
    if endpoint.cache is None and endpoint.declared is None and not endpoint.elsewhere:
        return run(plan, parts.clock, opening)
    return _answered(plan, parts, opening)


async def _answered(plan: Plan, parts: Parts, opening: Line) -> Outcome:
    call, owner = plan.grant.call, owner_of(plan.grant.admission.caller)
    try:
        if call.endpoint.cache is None:
            return await _ran(plan, parts, opening)
        work = partial(_running, plan, parts, opening)
        return await parts.answers.answered(call, owner, work, partial(_embedding, call, opening, parts))
    except (TargetError, Overloaded):
        instead = parts.answers.instead(call, owner) or _declared(call)
        if instead is None:
            raise
        return instead


def _running(plan: Plan, parts: Parts, opening: Opening) -> Pending[Outcome]:
    return driven(_ran(plan, parts, opening))


def _embedding(call: Call, line: Line, parts: Parts, text: str) -> Pending[Embedded]:
    return driven(embedded(text, call, line, parts))


async def _ran(plan: Plan, parts: Parts, opening: Opening) -> Outcome:
    """What the targets answer; an input that one refuses goes to the target that the endpoint names for that, if any."""
    try:
        return await run(plan, parts.clock, opening)
    except ProviderRefused as error:
        call, caller_id = plan.grant.call, plan.grant.admission.caller.key_id
        name = dict(call.endpoint.elsewhere).get(error.code)
        if name is None:
            raise
        start = partial(_found(parts, name, call, error).start, call, caller_id, call.deadline_ns, opening)
        return structs.replace(await start(), attempts=len(plan.attempts) + 1)


def _found(parts: Parts, name: str, call: Call, refusal: HeadworksError) -> Target:
    try:
        return parts.targets.find(name, call.endpoint.work or call.endpoint.task)
    except ModelUnavailable:
        raise refusal from None


def _declared(call: Call) -> Outcome | None:
    """The configured answer; of a stream only where a whole answer can be told as events."""
    declared, payload = call.endpoint.declared, call.payload
    if declared is None or (call.is_stream and call.endpoint.contract.event is None):
        return None
    body = b"[" + b",".join([declared] * payload.rows) + b"]" if payload.is_array else declared
    return Outcome(body, DECLARED, "", attempts=0, degraded=DECLARED, cost_micros=0)


def owner_of(caller: Caller) -> str:
    """Within what answers are shared: the caller's tenant, else its key."""
    return f"tenant:{caller.tenant}" if caller.tenant else f"key:{caller.key_id}"
