"""Leave to knock: the caller's own concurrency and rate, before the body is parsed. 429."""

from functools import partial

from headworks.ports import Limits
from headworks.values import Admission, Caller, Held


def admit(caller: Caller, limits: Limits, held: Held, now_ns: int) -> Admission:
    """One call counted as running, and taken from the caller's rate.

    Raises: ConcurrencyExceeded (429), and nothing is taken; RateLimited (429).
    Cost: under 1 µs beside `Limits`, no I/O.
    """
    key_id = caller.key_id
    if caller.concurrency is not None:
        limits.enter(key_id, caller.concurrency)
        held.keep(partial(limits.leave, key_id))
    rate = caller.rate
    return Admission(caller, None if rate is None else limits.take(key_id, rate, 1, now_ns))
