"""Leave to run: scope, version, predicted queue time, the endpoint's concurrency and rate. 402 403 410 429 503."""

from collections.abc import Iterator
from functools import partial

from msgspec import structs

from headworks.errors import DeadlineExceeded, Forbidden, ModelUnavailable, Overloaded, VersionGone
from headworks.ports import Parts, Targets
from headworks.units import SECOND_NS, iso_time
from headworks.values import Admission, Auth, Call, Caller, Endpoint, Grant, Held

_KEY = Auth.KEY  # a member looked up on its class costs 0.1 µs


def may_call(caller: Caller, endpoint: Endpoint) -> bool:
    """Whether the caller's scopes hold this endpoint, by name (`call:sentiment`) or version (`call:sentiment/v1`)."""
    if caller.auth is not _KEY:
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
        if endpoint.successor is None:
            raise VersionGone(ended)
        link = ("Link", f'<{endpoint.successor}>; rel="successor-version"')
        raise VersionGone(f"{ended} Its successor is {endpoint.successor}.", headers=(link,))
    return endpoint


def authorise(admission: Admission, call: Call, parts: Parts, held: Held, now_ns: int) -> Grant:
    """Leave to run the call: it can start before its deadline, and the endpoint's own limits admit it.

    Prediction comes first, since it takes nothing. A call counts once, however many rows it carries.

    Raises: Overloaded (503), DeadlineExceeded (504), BudgetExhausted (402), ConcurrencyExceeded and RateLimited (429).
    Cost: about 1 µs beside `Limits`, no I/O.
    """
    endpoint = call.endpoint
    wait_ns = _shortest_wait_ns(endpoint, parts.targets, call.payload.rows)
    late_ns = now_ns + wait_ns - call.deadline_ns
    if late_ns >= 0:
        raise _too_late(call, wait_ns, late_ns)
    if endpoint.is_outside:
        parts.money.check(admission.caller, endpoint)
    limits = parts.limits
    if endpoint.concurrency is not None:
        limits.enter(endpoint.id, endpoint.concurrency)
        held.keep(partial(limits.leave, endpoint.id))
    if endpoint.rate is None:
        return Grant(admission, call, ())
    return Grant(admission, call, (limits.take(endpoint.id, endpoint.rate, 1, now_ns),))


def counted(grant: Grant, parts: Parts) -> Grant:
    """The grant with what is left of the rates of tokens, as far as it is known now.

    Cost: nothing where there is none.
    """
    caller, endpoint = grant.admission.caller, grant.call.endpoint
    if not endpoint.is_outside or caller.tokens is endpoint.tokens is None:
        return grant
    return structs.replace(grant, quotas=(*grant.quotas, *parts.money.left(caller, endpoint)))


def _shortest_wait_ns(endpoint: Endpoint, targets: Targets, rows: int) -> int:
    """The wait at the target that would start first; 0 when none is ready, which `choose` answers."""
    choices = endpoint.targets
    if len(choices) == 1:
        try:
            return targets.find(choices[0].name, endpoint.work or endpoint.task).predicted_wait_ns(rows)
        except ModelUnavailable:
            return 0
    return min(_waits_ns(endpoint, targets, rows), default=0)


def _waits_ns(endpoint: Endpoint, targets: Targets, rows: int) -> Iterator[int]:
    for choice in endpoint.targets:
        if choice.weight == 0:
            continue
        try:
            yield targets.find(choice.name, endpoint.work or endpoint.task).predicted_wait_ns(rows)
        except ModelUnavailable:
            continue


def _too_late(call: Call, wait_ns: int, late_ns: int) -> Overloaded | DeadlineExceeded:
    """Without a queue the deadline was simply over; with one, it is short enough again after `late_ns`."""
    if wait_ns == 0:
        return DeadlineExceeded("The deadline passed before the call could start.")
    name = f"{call.endpoint.name} v{call.endpoint.version}"
    text = f"{name} has more waiting than it can start before this call's deadline."
    return Overloaded(text, retry_after_s=max(late_ns, 1) / SECOND_NS)
