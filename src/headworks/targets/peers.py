"""The groups of equals of every version, and what each call tells of its target; implements ports.Peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from msgspec import Struct, structs

from headworks.costs import Usage
from headworks.errors import (
    ContentRefused,
    ContextTooLong,
    ContractViolation,
    DeadlineExceeded,
    ModelCrashed,
    ModelError,
    ProviderBroken,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
    ProviderUnreachable,
    SchemaViolation,
)
from headworks.pending import Pending
from headworks.targets.outliers import NOBODY, Change, Group, State
from headworks.units import SECOND_NS, Clock
from headworks.values import Call, Endpoint, Opening, Outcome, Stream, Target

FAIR_PART = 0.9
"""How much of what an endpoint grants its targets one must have had before its silence counts against it."""

FAILURES: frozenset[type[BaseException]] = frozenset(
    {
        ContractViolation,
        ModelCrashed,
        ModelError,
        ProviderBroken,
        ProviderDown,
        ProviderError,
        ProviderTimeout,
        ProviderUnreachable,
    }
)
"""What counts against a target. What has no place here or below says nothing: it was busy, full or not asked, or it is ours."""

ANSWERS: frozenset[type[BaseException]] = frozenset(
    {ContentRefused, ContextTooLong, ProviderRefused, ProviderUnable, SchemaViolation}
)
"""Refusals of an input, which a target in good health gives."""


class Moved(Struct, frozen=True):
    """A change of standing, and of which version's target."""

    endpoint: str
    change: Change


class Peers:
    """Who of an endpoint's equals does much worse than the others.

    Shapes: a group a version, made anew when its targets or its policy change; bounded by what is published.
    Safe under: one thread.
    """

    def __init__(self, clock: Clock, told: Callable[[Moved], None]) -> None:
        self._clock = clock
        self._told = told
        self._groups: dict[str, Group] = {}

    def out(self, endpoint: Endpoint) -> frozenset[str]:
        """See ports.Peers."""
        group = self._of(endpoint)
        return NOBODY if group is None else group.out(self._clock.monotonic_ns())

    def watched(self, endpoint: Endpoint, target: Target) -> Target:
        """See ports.Peers."""
        group = self._of(endpoint)
        return target if group is None else Watched(target, group, self._clock)

    def keep_only(self, endpoints: Iterable[Endpoint]) -> None:
        """Forget every other version."""
        kept = {each.id for each in endpoints}
        self._groups = {name: group for name, group in self._groups.items() if name in kept}

    def states(self) -> list[State]:
        """How every target of every group stands."""
        now_ns = self._clock.monotonic_ns()
        return [state for name, group in self._groups.items() for state in group.states(name, now_ns)]

    def _of(self, endpoint: Endpoint) -> Group | None:
        policy = endpoint.outliers
        if policy is None:
            return None
        found = self._groups.get(endpoint.id)
        names = tuple(choice.name for choice in endpoint.targets if choice.weight != 0)
        if found is None or found.names != names or found.policy != policy:
            found = self._groups[endpoint.id] = Group(names, policy, partial(self._moved, endpoint.id))
        return found

    def _moved(self, endpoint: str, change: Change) -> None:
        self._told(Moved(endpoint, change))


class Watched:
    """A target whose calls are evidence of how it does among its equals; implements values.Target.

    A stream is judged by how it ends; how long it took is the time until it began to answer.
    """

    __slots__ = ("_clock", "_group", "_target", "name")

    def __init__(self, target: Target, group: Group, clock: Clock) -> None:
        self.name = target.name
        self._target = target
        self._group = group
        self._clock = clock

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """See values.Target; abandoning it says nothing of the target."""
        given, began_ns = self._group.begin(self.name), self._clock.monotonic_ns()
        asked = self._target.start(call, caller_id, deadline_ns, opening)
        told: Pending[Outcome] = Pending()
        told.on_abandon = asked.abandon

        def came() -> None:
            error = asked.error
            took_ns = self._clock.monotonic_ns() - began_ns
            note = partial(self._note, given, took_ns, fair_ns(call.endpoint))
            if error is not None:
                note(error)
                told.fail(error)
                return
            outcome = asked.result()
            if outcome.stream is None:
                note(None)
                told.resolve(outcome)
                return
            told.resolve(structs.replace(outcome, stream=WatchedStream(outcome.stream, note)))

        asked.when_done(came)
        return told

    def predicted_wait_ns(self, rows: int) -> int:
        """See values.Target."""
        return self._target.predicted_wait_ns(rows)

    def load(self) -> float:
        """See values.Target."""
        return self._target.load()

    def _note(self, given: int, took_ns: int, fair: float, error: BaseException | None) -> None:
        is_late = type(error) is DeadlineExceeded and took_ns >= fair
        is_failed = is_late or type(error) in FAILURES
        if is_failed or error is None or type(error) in ANSWERS:
            self._group.ended(self.name, given, took_ns, self._clock.monotonic_ns(), is_failed=is_failed)


class WatchedStream:
    """A stream whose end is told, once, when it is asked what it cost; implements values.Stream.

    One that its caller left tells nothing: it may have fallen silent, or not.
    """

    __slots__ = ("_last", "_note", "_stream")

    def __init__(self, stream: Stream, note: Callable[[BaseException | None], None]) -> None:
        self._stream = stream
        self._note: Callable[[BaseException | None], None] | None = note
        self._last: Pending[bytes | None] | None = None

    def next(self) -> Pending[bytes | None]:
        """See values.Stream."""
        self._last = event = self._stream.next()
        return event

    def cancel(self) -> None:
        """See values.Stream."""
        self._tell()
        self._stream.cancel()

    def billed(self) -> tuple[Usage | None, int | None]:
        """See values.Stream."""
        self._tell()
        return self._stream.billed()

    def _tell(self) -> None:
        note, last = self._note, self._last
        self._note = None
        if note is None or last is None or not last.is_done:
            return
        if last.error is not None or last.result() is None:
            note(last.error)


def fair_ns(endpoint: Endpoint) -> float:
    """What an endpoint grants each target, whatever less a caller asked for."""
    return FAIR_PART * endpoint.timeout_s * SECOND_NS / max(len(endpoint.targets), 1)
