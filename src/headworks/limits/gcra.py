"""GCRA: a rate limit as one number, the time at which a bucket is at rest again. Integers only, no clock, no state.

A bucket that is due at `due_ns` owes `due_ns - now_ns`. Each call adds `cost_ns` (calls x the rate's interval); a call
is admitted while the debt after it does not exceed `depth_ns` (burst x interval). In any window of t nanoseconds at
most burst + t / interval calls pass, and nothing drifts: the sum is exact.

Source: ITU-T I.371 annex A (generic cell rate algorithm, virtual scheduling form).
"""


def spend(due_ns: int, now_ns: int, cost_ns: int, depth_ns: int) -> int:
    """The debt if the call is admitted, which it is when that is at most `depth_ns`; the excess is the time to wait.

    A debt deeper than the bucket (its rate was made narrower since) counts as a full one.
    """
    debt_ns = due_ns - now_ns
    if debt_ns <= 0:
        return cost_ns
    if debt_ns > depth_ns:
        return depth_ns + cost_ns
    return debt_ns + cost_ns
