"""The wait: attempts on the planned targets under one deadline."""

from collections.abc import Awaitable

from msgspec import structs

from headworks.errors import (
    BudgetExhausted,
    DeadlineExceeded,
    HeadworksError,
    Overloaded,
    PriceUnknown,
    ProviderUnable,
    RateLimited,
    TargetError,
)
from headworks.request.choose import none_ready
from headworks.units import Clock
from headworks.values import Opening, Outcome, Plan


def run(plan: Plan, clock: Clock, opening: Opening) -> Awaitable[Outcome]:
    """The first good outcome.

    Each attempt may use an equal share of the time that is left: with two targets the first has half of it.
    A target that failed, was full, was late or lacks what is asked for is followed by the next one; a caller's own mistake
    ends the call. What one that follows would cost more than may be spent is no reason to hide why it was needed: it is passed over.

    Raises: the last target's error (502, 503, 504), or ProviderUnable (400) when every one lacks what is asked for; SchemaViolation (422) from the model's own validation.
    """
    if len(plan.attempts) != 1:
        return _one_after_another(plan, clock, opening)
    grant = plan.grant
    return plan.attempts[0].start(grant.call, grant.admission.caller.key_id, grant.call.deadline_ns, opening)


async def _one_after_another(plan: Plan, clock: Clock, opening: Opening) -> Outcome:
    call, caller_id = plan.grant.call, plan.grant.admission.caller.key_id
    failed: HeadworksError | None = None
    unable: ProviderUnable | None = None
    if not plan.attempts:
        raise none_ready(call.endpoint)
    for tried, target in enumerate(plan.attempts, start=1):
        now_ns = clock.monotonic_ns()
        left_ns = call.deadline_ns - now_ns
        if left_ns <= 0:
            break
        share_ns = left_ns // (len(plan.attempts) - tried + 1)
        try:
            outcome = await target.start(call, caller_id, now_ns + share_ns, opening)
            return outcome if tried == 1 else structs.replace(outcome, attempts=tried)
        except (TargetError, Overloaded) as error:
            failed = error
        except ProviderUnable as error:
            unable = unable or error
        except (BudgetExhausted, PriceUnknown, RateLimited):
            if failed is None:
                raise
    raise failed or unable or DeadlineExceeded("The deadline passed before a target could be tried.")
