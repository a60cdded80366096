"""Leave to run: scope, version, predicted queue time, the endpoint's concurrency and rate. 403 410 429 503."""

from functools import partial

from headworks.errors import DeadlineExceeded, Forbidden, ModelUnavailable, Overloaded, VersionGone
from headworks.ports import Parts, Targets
from headworks.units import SECOND_NS, iso_time
from headworks.values import Admission, Auth, Call, Caller, Endpoint, Grant, Held


def may_call(caller: Caller, endpoint: Endpoint) -> bool:
    """Whether the caller's scopes hold this endpoint, by name (`call:sentiment`) or version (`call:sentiment/v1`)."""
    if caller.auth is not Auth.KEY:
        return False
    scopes = caller.scopes
    if scopes is None:
        return True
    return f"call:{endpoint.name}" in scopes or "call:*" in scopes or f"call:{endpoint.id}" in scopes


def may_see(caller: Caller, endpoint: Endpoint) -> bool:
    """Whether the catalogue shows the endpoint: to who may call it, to scope `catalogue` and to administrators."""
    if caller.auth is Auth.ADMIN or may_call(caller, endpoint):
        return True
    return caller.scopes is not None and "catalogue" in caller.scopes


def permit(caller: Caller, endpoint: Endpoint, wall_ns: int) -> Endpoint:
    """The endpoint, when the caller may call it and its version still stands.

    Raises: Forbidden (403), VersionGone (410).
    """
    if not may_call(caller, endpoint):
        if caller.auth is Auth.ADMIN:
            raise Forbidden("An administrator's key calls no models; make a key for that.")
        raise Forbidden(f"The scopes of this key do not hold {endpoint.name} v{endpoint.version}.")
    sunset_s = endpoint.sunset_wall_s
    if sunset_s is not None and wall_ns >= sunset_s * SECOND_NS:
        ended = f"{endpoint.name} v{endpoint.version} ended on {iso_time(int(sunset_s * SECOND_NS))[:10]}."
        raise VersionGone(f"{ended} Its successor is {endpoint.successor}." if endpoint.successor else ended)
    return endpoint


def authorise(admission: Admission, call: Call, parts: Parts, held: Held, now_ns: int) -> Grant:
    """Leave to run the call: it can start before its deadline, and the endpoint's own limits admit it.

    Prediction comes first, since it takes nothing. A call counts once, however many rows it carries.

    Raises: Overloaded (503), DeadlineExceeded (504), ConcurrencyExceeded and RateLimited (429).
    Cost: about 1 µs beside `Limits`, no I/O.
    """
    endpoint = call.endpoint
    wait_ns = _shortest_wait_ns(endpoint, parts.targets, call.payload.rows)
    late_ns = now_ns + wait_ns - call.deadline_ns
    if late_ns >= 0:
        raise _too_late(call, wait_ns, late_ns)
    limits = parts.limits
    if endpoint.concurrency is not None:
        limits.enter(endpoint.id, endpoint.concurrency)
        held.keep(partial(limits.leave, endpoint.id))
    own = admission.quota
    quotas = () if own is None else (own,)
    if endpoint.rate is not None:
        quotas = (*quotas, limits.take(endpoint.id, endpoint.rate, 1, now_ns))
    return Grant(admission, call, quotas)


def _shortest_wait_ns(endpoint: Endpoint, targets: Targets, rows: int) -> int:
    """The wait at the target that would start first; 0 when none is ready, which `choose` answers."""
    shortest_ns: int | None = None
    for choice in endpoint.targets:
        if choice.weight == 0:
            continue
        try:
            wait_ns = targets.find(choice.name).predicted_wait_ns(rows)
        except ModelUnavailable:
            continue
        if shortest_ns is None or wait_ns < shortest_ns:
            shortest_ns = wait_ns
    return shortest_ns or 0


def _too_late(call: Call, wait_ns: int, late_ns: int) -> Overloaded | DeadlineExceeded:
    """Without a queue the deadline was simply over; with one, it is short enough again after `late_ns`."""
    if wait_ns == 0:
        return DeadlineExceeded("The deadline passed before the call could start.")
    name = f"{call.endpoint.name} v{call.endpoint.version}"
    text = f"{name} has more waiting than it can start before this call's deadline."
    return Overloaded(text, retry_after_s=max(late_ns, 1) / SECOND_NS)
