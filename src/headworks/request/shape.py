"""One contract, whole or streamed: where the two forms of a task's answer differ, each target's is turned into what was asked for."""

from collections.abc import Iterable

from msgspec import DecodeError, Raw, ValidationError, structs
from msgspec.json import Decoder

from headworks.contract.schema import EVENTS, JSON
from headworks.contract.tasks import Shapes, shapes
from headworks.costs import Usage
from headworks.errors import ContractViolation
from headworks.pending import Pending
from headworks.values import Call, Outcome

_OF_EVENTS = frozenset({JSON, EVENTS})
"""What targets say of a stream of events."""

_array = Decoder(list[Raw]).decode


class Told:
    """Events that are all there already; implements values.Stream."""

    def __init__(self, events: Iterable[bytes], outcome: Outcome) -> None:
        self._events = iter(events)
        self._outcome = outcome

    def next(self) -> Pending[bytes | None]:
        """The next event; None after the last."""
        pending: Pending[bytes | None] = Pending()
        pending.resolve(next(self._events, None))
        return pending

    def cancel(self) -> None:
        """Nothing runs any more."""
        self._events = iter(())

    def billed(self) -> tuple[Usage | None, int | None]:
        """What the whole answer used."""
        return self._outcome.usage, self._outcome.cost_micros


def is_passed(outcome: Outcome) -> bool:
    """Whether an outcome's stream is one body, handed on as it comes, rather than events."""
    return outcome.stream is not None and outcome.media not in _OF_EVENTS


def shaped(call: Call, outcome: Outcome) -> Outcome:
    """The outcome in the form that was asked for: events for who streams, else one document.

    Raises: ContractViolation (502), when the target's answer cannot be turned.
    """
    if call.endpoint.contract.event is None or call.is_stream == (outcome.stream is not None):
        return outcome if not outcome.is_collected else _whole(call, outcome)
    forms = shapes(call.endpoint.task)
    if forms is None or outcome.stream is not None:
        return outcome
    return structs.replace(outcome, body=b"", stream=Told(_turned(forms, outcome), outcome))


def _whole(call: Call, outcome: Outcome) -> Outcome:
    """One document out of collected events, where a whole answer is more than their array."""
    forms = shapes(call.endpoint.task)
    if forms is None:
        return outcome
    try:
        return structs.replace(outcome, body=forms.assembled(map(bytes, _array(outcome.body))), is_collected=False)
    except (DecodeError, ValidationError, ValueError) as error:
        raise ContractViolation(reason=f"events of {outcome.target} make no whole answer: {error}") from None


def _turned(forms: Shapes, outcome: Outcome) -> list[bytes]:
    try:
        return forms.events_of(outcome.body)
    except (DecodeError, ValidationError, ValueError) as error:
        raise ContractViolation(reason=f"the answer of {outcome.target} makes no events: {error}") from None
