"""What answers when the targets do not, and who may take what one of them refuses."""

from types import SimpleNamespace

import pytest
from msgspec import structs

from headworks.cache.answers import CachedAnswers
from headworks.contract.schema import contract_from
from headworks.errors import (
    ContentRefused,
    ContextTooLong,
    ModelUnavailable,
    Overloaded,
    ProviderDown,
    ProviderRefused,
    SchemaViolation,
)
from headworks.pending import Pending, driven
from headworks.policies import CachePolicy
from headworks.request.answer import answer, owner_of
from headworks.request.choose import choose
from headworks.units import RequestId
from headworks.values import Admission, Auth, Caller, Grant, Outcome, TargetChoice
from tests.fakes_providers import Time, make_call

CALLER = Caller("k1", "me", Auth.KEY)
DECLARED = b'{"label":"unknown"}'


class Target:
    """Answers or fails as it is told."""

    def __init__(self, name, answers):
        self.name, self.answers, self.asked = name, answers, 0

    def start(self, call, caller_id, deadline_ns, opening):
        self.asked += 1
        pending = Pending()
        if isinstance(self.answers, Exception):
            pending.fail(self.answers)
        else:
            pending.resolve(Outcome(self.answers, self.name, "1"))
        return pending

    def predicted_wait_ns(self, rows):
        return 0


class House:
    """An endpoint of up to two targets, and one for what they refuse."""

    def __init__(self):
        self.time = Time()
        self.targets = {}
        self.answers = CachedAnswers(bytes(32), self.time, self.time)

    def has(self, name, answers):
        self.targets[name] = Target(name, answers)
        return self.targets[name]

    def find(self, name, task=None):
        if name not in self.targets:
            raise ModelUnavailable
        return self.targets[name]

    def ask(self, *names, caller=CALLER, array=False, media="application/json", **policy):
        call = make_call(
            self.time, b'["a", "b"]' if array else b'"a"', rows=2 if array else 1, is_array=array, media=media
        )
        endpoint = structs.replace(call.endpoint, targets=tuple(TargetChoice(name) for name in names), **policy)
        grant = Grant(Admission(caller, None), structs.replace(call, endpoint=endpoint), ())
        parts = SimpleNamespace(clock=self.time, targets=self, answers=self.answers)

        async def asked():
            return await answer(choose(grant, self, None, RequestId("r")), parts, None)

        return driven(asked())


@pytest.fixture
def house():
    return House()


@pytest.mark.parametrize("failure", [ProviderDown(), Overloaded(), ModelUnavailable()])
def test_a_declared_answer_stands_in_when_every_target_fails(house, failure):
    house.has("a", failure)
    house.has("b", failure)
    outcome = house.ask("a", "b", declared=DECLARED).result()

    assert (outcome.body, outcome.target, outcome.degraded, outcome.attempts) == (DECLARED, "declared", "declared", 0)


def test_it_stands_in_when_no_target_is_ready(house):
    assert house.ask("gone", declared=DECLARED).result().body == DECLARED
    assert house.ask("gone", "too", declared=DECLARED).result().body == DECLARED
    assert isinstance(house.ask("gone").error, ModelUnavailable)
    assert isinstance(house.ask("gone", "too").error, ModelUnavailable)
    assert isinstance(house.ask("gone", cache=CachePolicy(5)).error, ModelUnavailable)


def test_it_answers_each_row_of_an_array(house):
    house.has("a", ProviderDown())

    assert house.ask("a", declared=DECLARED, array=True).result().body == b"[" + DECLARED + b"," + DECLARED + b"]"


@pytest.mark.parametrize("mistake", [SchemaViolation(), ProviderRefused(), ContextTooLong()])
def test_the_callers_own_mistake_is_told_and_not_covered_up(house, mistake):
    house.has("a", mistake)

    assert house.ask("a", declared=DECLARED).error is mistake


def test_an_answer_that_was_kept_comes_before_a_declared_one(house):
    target = house.has("a", b'{"label":"kept"}')
    policy = {"cache": CachePolicy(10, 100), "declared": DECLARED}
    house.ask("a", **policy).result()
    target.answers = ProviderDown()
    house.time.advance(50)
    kept = house.ask("a", **policy).result()
    del house.targets["a"]
    without_target = house.ask("a", **policy).result()
    house.time.advance(100)

    assert (kept.body, kept.degraded) == (b'{"label":"kept"}', "cached")
    assert without_target.degraded == "cached"
    assert house.ask("a", **policy).result().degraded == "declared"


def test_a_stream_is_declared_only_where_a_whole_answer_can_be_told_as_events(house):
    house.has("a", ProviderDown())
    two_shapes = contract_from({}, {}, is_batch=False, is_stream=True, examples=(), event_json={})
    events = {"declared": DECLARED, "media": "text/event-stream"}

    assert isinstance(house.ask("a", **events).error, ProviderDown)
    assert house.ask("a", contract=two_shapes, **events).result().body == DECLARED


@pytest.mark.parametrize(
    ("refusal", "taken_by"),
    [(ContextTooLong(), "long"), (ContentRefused(), "lenient"), (ProviderRefused(), None)],
)
def test_what_one_refuses_goes_only_to_the_target_declared_for_that(house, refusal, taken_by):
    house.has("a", refusal)
    second = house.has("b", b"2")
    house.has("long", b"3")
    house.has("lenient", b"4")
    elsewhere = (("context_length_exceeded", "long"), ("content_policy", "lenient"))
    pending = house.ask("a", "b", elsewhere=elsewhere)

    assert (pending.error is refusal) == (taken_by is None)
    assert taken_by is None or pending.result().target == taken_by
    assert second.asked == 0


def test_a_refusal_stays_one_when_the_other_target_is_not_ready(house):
    refusal = ContextTooLong()
    house.has("a", refusal)

    assert house.ask("a", elsewhere=(("context_length_exceeded", "gone"),)).error is refusal


def test_answers_are_shared_within_a_tenant_and_else_within_a_key():
    other = structs.replace(CALLER, key_id="k2")
    tenants = [structs.replace(caller, tenant="acme") for caller in (CALLER, other)]

    assert owner_of(CALLER) != owner_of(other)
    assert owner_of(tenants[0]) == owner_of(tenants[1])
    assert owner_of(structs.replace(CALLER, key_id="x")) != owner_of(structs.replace(CALLER, tenant="x"))
