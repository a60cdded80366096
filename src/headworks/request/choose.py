"""Which targets are tried, in which order."""

import zlib
from itertools import accumulate

from headworks.errors import ModelUnavailable
from headworks.ports import Peers, Targets
from headworks.units import RequestId
from headworks.values import Endpoint, Grant, Plan, Target, TargetChoice

NOBODY: frozenset[str] = frozenset()


def choose(grant: Grant, targets: Targets, peers: Peers, request_id: RequestId) -> Plan:
    """The targets in the order in which they are tried: as listed, drawn by weight, or by load.

    Among equals, one that does much worse than the others comes last, and is drawn only where no other can be.

    A draw depends on the request id alone, so it needs no random source and can be replayed.

    Raises: ModelUnavailable (503) when no target is ready, unless the endpoint says what to answer then.
    """
    endpoint = grant.call.endpoint
    choices = endpoint.targets
    has_other = endpoint.cache is not None or endpoint.declared is not None
    if len(choices) == 1 and not has_other:
        return Plan(grant, (targets.find(choices[0].name, endpoint.work or endpoint.task),))
    out = NOBODY if endpoint.outliers is None else peers.out(endpoint)
    if choices[0].weight is not None:
        choices = _drawn(choices, out, request_id)
    ready = tuple(
        target
        for choice in choices
        if (target := _ready(targets, choice.name, endpoint.work or endpoint.task)) is not None
    )
    if not ready and not has_other:
        raise none_ready(endpoint)
    if endpoint.is_balanced:
        ready = _by_load(ready, out, request_id)
    if endpoint.outliers is None:
        return Plan(grant, ready)
    return Plan(grant, tuple(peers.watched(endpoint, target) for target in ready))


def none_ready(endpoint: Endpoint) -> ModelUnavailable:
    """The refusal when no target of the endpoint can be asked."""
    return ModelUnavailable(f"No target of {endpoint.name} v{endpoint.version} is ready.", retry_after_s=1.0)


def _ready(targets: Targets, name: str, task: str | None) -> Target | None:
    try:
        return targets.find(name, task)
    except ModelUnavailable:
        return None


def _by_load(ready: tuple[Target, ...], out: frozenset[str], request_id: RequestId) -> tuple[Target, ...]:
    """The less loaded of two drawn ones first, so that nobody herds to the one that is best, then the others by load.

    Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing".
    """
    if out:
        usual, last = (tuple(each for each in ready if (each.name in out) is is_out) for is_out in (False, True))
        return _by_load(usual, NOBODY, request_id) + _by_load(last, NOBODY, request_id)
    count = len(ready)
    if count < 2:
        return ready
    point = zlib.crc32(request_id.encode())
    one = point % count
    other = (one + 1 + (point >> 16) % (count - 1)) % count
    first = min(one, other, key=lambda place: ready[place].load())
    rest = [target for place, target in enumerate(ready) if place != first]
    return (ready[first], *sorted(rest, key=lambda target: target.load()))


def _drawn(choices: tuple[TargetChoice, ...], out: frozenset[str], request_id: RequestId) -> tuple[TargetChoice, ...]:
    """The drawn target first, then the others with a weight, heaviest first; those that are out come after all others."""
    last = tuple(choice for choice in choices if choice.name in out and choice.weight)
    if last and (usual := tuple(choice for choice in choices if choice.name not in out and choice.weight)):
        return _drawn(usual, NOBODY, request_id) + _drawn(last, NOBODY, request_id)
    weights = [choice.weight or 0 for choice in choices]
    point = zlib.crc32(request_id.encode()) % sum(weights)
    ends = accumulate(weights)
    choice = next(choice for choice, end in zip(choices, ends, strict=True) if point < end)
    others = sorted((c for c in choices if c is not choice and c.weight), key=lambda c: -(c.weight or 0))
    return (choice, *others)
