"""A vector asked for on behalf of a call: bounded in time, paid for and recorded like any call."""

from types import SimpleNamespace

import pytest
from msgspec import json, structs

from headworks.contract import tasks
from headworks.contract.schema import contract_from
from headworks.errors import BudgetExhausted, ContractViolation, ModelCrashed, ModelUnavailable, Overloaded, RateLimited
from headworks.pending import Pending, driven
from headworks.policies import CachePolicy, SemanticPolicy
from headworks.request.embed import embedded
from headworks.units import SECOND_NS, Rate, RequestId
from headworks.values import Auth, Caller, Endpoint, Outcome, TargetChoice
from tests.fakes_ledger import FakeLedger
from tests.fakes_limits import FakeLimits
from tests.fakes_providers import Time, make_call
from tests.unit.contracts import make_raw

REQUEST, REPLY = tasks.schemas("embeddings")
CONTRACT = contract_from(REQUEST, REPLY, is_batch=False, is_stream=False, examples=())
CALLER = Caller("k1", "me", Auth.KEY, scopes=frozenset({"call:chat"}))
VECTOR = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [1, 0.5]}]}


class House:
    """What the service is made of, as far as a vector needs it; the only target gives what it is told to."""

    name = "letters"

    def __init__(self):
        self.time, self.ledger, self.limits, self.ended = Time(), FakeLedger(), FakeLimits(), []
        self.says = json.encode(VECTOR)
        self.started = []
        self.spent = False
        self.parts = SimpleNamespace(
            clock=self.time, ledger=self.ledger, limits=self.limits, targets=self, peers=None, money=self,
            new_id=lambda: RequestId("r2"), watch=SimpleNamespace(ended=self.ended.append),
        )  # fmt: skip

    def check(self, caller, endpoint):
        if self.spent:
            raise BudgetExhausted

    def find(self, name, work):
        if self.says is None:
            raise ModelUnavailable
        return self

    def predicted_wait_ns(self, rows):
        return 0

    def start(self, call, caller_id, deadline_ns, opening):
        self.started.append((call, caller_id, deadline_ns - self.time.now_ns))
        pending = Pending()
        if isinstance(self.says, Exception):
            pending.fail(self.says)
        else:
            pending.resolve(Outcome(self.says, self.name, "7", usage=None))
        return pending

    def ask(self, left_s=10.0, timeout_s=0.5, **changes):
        embedder = Endpoint("vectors", 1, CONTRACT, (TargetChoice("letters"),), task="embeddings", id="vectors/v1")
        embedder = structs.replace(embedder, **changes)
        call = make_call(self.time)
        policy = CachePolicy(60, 0, SemanticPolicy(timeout_s=timeout_s))
        asking = structs.replace(call.endpoint, cache=policy, embedder=embedder)
        deadline_ns = self.time.now_ns + int(left_s * SECOND_NS)
        call = structs.replace(call, endpoint=asking, subject="ada", deadline_ns=deadline_ns)
        asked_by = SimpleNamespace(raw=make_raw({"x": [1.0]}), caller=CALLER)
        return driven(embedded("How?", call, asked_by, self.parts)).result()


@pytest.fixture
def house():
    return House()


def test_a_vector_is_a_call_of_its_own_with_a_record_that_names_the_other(house):
    found = house.ask()
    ((kind, entry),) = house.ledger.entries

    assert (found.space, found.numbers) == ("letters\n7", [1.0, 0.5])
    assert (kind, entry.endpoint, entry.version, entry.status, entry.via) == ("call", "vectors", 1, 200, "cache")
    assert (entry.request_id, entry.client_request_id) == ("r2", make_raw({}).request_id)
    assert (entry.caller_id, entry.subject, entry.input) == ("k1", "ada", (b'{"input":"How?"}',))
    assert (entry.target, entry.model_version, entry.outcome) == ("letters", "7", "ok")
    assert len(house.ended) == 1


@pytest.mark.parametrize(("left_s", "timeout_s", "share_s"), [(10.0, 0.5, 0.5), (1.0, 0.5, 0.25), (0.1, 0.5, 0.025)])
def test_it_may_take_its_own_time_and_never_more_than_a_quarter_of_what_is_left(house, left_s, timeout_s, share_s):
    house.ask(left_s, timeout_s)

    assert house.started[0][2] == pytest.approx(share_s * SECOND_NS, abs=1000)


@pytest.mark.parametrize("failure", [ModelCrashed(), ContractViolation()])
def test_a_failure_is_recorded_and_raised(house, failure):
    house.says = failure

    with pytest.raises(type(failure)):
        house.ask()
    ((_, entry),) = house.ledger.entries
    assert (entry.outcome, entry.status) == (failure.code, failure.status)
    assert len(house.ended) == 1


def test_what_is_spent_full_or_not_ready_is_not_asked(house):
    house.limits.enter("vectors/v1", 1)
    house.spent = True
    with pytest.raises(BudgetExhausted):
        house.ask(is_outside=True)
    with pytest.raises(Exception) as full:
        house.ask(concurrency=1)
    with pytest.raises(RateLimited):
        for _ in range(2):
            house.ask(rate=Rate(1, 3600))
    house.says = None
    with pytest.raises(ModelUnavailable):
        house.ask()

    assert full.value.code == "concurrency_exceeded"
    assert len(house.started) == 1


def test_what_it_held_is_given_back_however_it_ends(house):
    for says in (json.encode(VECTOR), ModelCrashed(), Overloaded()):
        house.says = says
        try:
            house.ask(concurrency=1)
        except (ModelCrashed, Overloaded):
            continue

    house.limits.enter("vectors/v1", 1)


@pytest.mark.parametrize(
    "data",
    [
        [{**VECTOR["data"][0], "embedding": [0.123456] * 40_000}],
        [],
        VECTOR["data"] * 2,
        [{**VECTOR["data"][0], "embedding": "AAAA"}],
        [{**VECTOR["data"][0], "embedding": [None]}],
    ],
    ids=["endless", "none", "two", "base64", "no numbers"],
)
def test_an_answer_that_holds_not_just_one_vector_is_none(house, data):
    house.says = json.encode({**VECTOR, "data": data})

    with pytest.raises(ContractViolation):
        house.ask()
