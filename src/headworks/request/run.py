"""The wait: attempts on the planned targets under one deadline."""

from headworks.errors import DeadlineExceeded, HeadworksError, Overloaded, TargetError
from headworks.units import Clock
from headworks.values import Outcome, Plan


async def run(plan: Plan, clock: Clock) -> tuple[Outcome, int]:
    """The first good outcome, and how many attempts it took.

    Each attempt may use an equal share of the time that is left: with two targets the first has half of it.
    A target that failed, was full or was late is followed by the next one; a caller's own mistake ends the call.

    Raises: the last target's error (502, 503, 504); SchemaViolation (422) from the model's own validation.
    """
    grant = plan.grant
    call = grant.call
    caller_id = grant.admission.caller.key_id
    if len(plan.attempts) == 1:
        return await plan.attempts[0].start(call, caller_id, call.deadline_ns), 1
    failed: HeadworksError = DeadlineExceeded("The deadline passed before a target could be tried.")
    for tried, target in enumerate(plan.attempts, start=1):
        now_ns = clock.monotonic_ns()
        left_ns = call.deadline_ns - now_ns
        if left_ns <= 0:
            break
        share_ns = left_ns // (len(plan.attempts) - tried + 1)
        try:
            return await target.start(call, caller_id, now_ns + share_ns), tried
        except (TargetError, Overloaded) as error:
            failed = error
    raise failed
