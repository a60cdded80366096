"""What the story leaves behind when a step goes wrong late."""

from types import SimpleNamespace

import pytest
from msgspec import structs

from headworks.dialects.native.way import Native
from headworks.errors import ContractViolation
from headworks.pending import Pending, driven
from headworks.request.arrive import Routes
from headworks.request.story import serve
from headworks.routes import table
from headworks.values import Auth, Caller, Outcome
from tests.fakes_keys import FakeKeys
from tests.fakes_ledger import FakeLedger
from tests.fakes_limits import FakeLimits
from tests.fakes_providers import Time
from tests.unit.contracts import make_contract, make_endpoint, make_raw


class Speechless(Native):
    """A dialect that cannot say how a stream is told."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def writer(self, call):
        raise self.error


class Flow:
    """A stream that runs until it is told to stop; implements values.Stream."""

    is_cancelled = False

    def next(self):
        return Pending()

    def cancel(self):
        self.is_cancelled = True

    def billed(self):
        return None, None


class Streaming:
    """The only target there is: it answers with a stream."""

    name = "model"

    def __init__(self):
        self.flow = Flow()

    def find(self, name, task):
        return self

    def predicted_wait_ns(self, rows):
        return 0

    def start(self, call, caller_id, deadline_ns, opening):
        pending = Pending()
        pending.resolve(Outcome(b"", "model", "1", stream=self.flow))
        return pending


class Seen:
    """Implements ports.Watch for what is said here."""

    def __init__(self):
        self.failures = []

    def ended(self, entry):
        pass

    def failed(self, request_id, error):
        self.failures.append(error)


@pytest.mark.parametrize(("error", "status"), [(ContractViolation(), 502), (LookupError(), 500)])
def test_a_stream_that_cannot_be_told_is_stopped_and_recorded_as_failed(error, status):
    keys, limits, ledger, target, clock = FakeKeys(), FakeLimits(), FakeLedger(), Streaming(), Time()
    keys.add("k", Caller("k1", "me", Auth.KEY, concurrency=1))
    endpoint = make_endpoint(make_contract(is_stream=True), timeout_s=5.0)
    parts = SimpleNamespace(
        keys=keys, limits=limits, ledger=ledger, targets=target, clock=clock, watch=Seen(), answers=None, peers=None, refusals={},
        routes=Routes(table(1000, is_loopback=True)), dialects={"call": Speechless(error)},
        endpoints=SimpleNamespace(of=lambda matched: endpoint),
    )  # fmt: skip
    raw = make_raw(
        {"x": [1.0, 2.0]}, authorization="Bearer k", accept="text/event-stream", content_type="application/json"
    )
    pending = driven(serve(structs.replace(raw, arrived_ns=clock.monotonic_ns()), parts))

    assert pending.result().status == status
    assert target.flow.is_cancelled
    assert [kind for kind, _ in ledger.entries] == ["opened", "closed"]
    assert ledger.entries[-1][1].status == status
    assert limits.running == {"k1": 0}
