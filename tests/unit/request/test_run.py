"""Attempts, fallback and choice of targets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headworks.contract.schema import contract_from
from headworks.errors import (
    BudgetExhausted,
    DeadlineExceeded,
    ModelCrashed,
    ModelUnavailable,
    Overloaded,
    PriceUnknown,
    ProviderUnable,
    RateLimited,
    SchemaViolation,
)
from headworks.pending import Pending, drive
from headworks.request.choose import choose
from headworks.request.run import run
from headworks.units import SECOND_NS, RequestId
from headworks.values import Admission, Auth, Call, Caller, Endpoint, Grant, Outcome, Payload, Plan, TargetChoice

CONTRACT = contract_from({"type": "string"}, {"type": "string"}, is_batch=False, is_stream=False, examples=())


class Unopened:
    """Nothing of these calls leaves the house."""

    async def open(self, reservation=None):
        raise AssertionError


NOTHING_SENT = Unopened()


class Clock:
    def __init__(self):
        self.now_ns = 0

    def monotonic_ns(self):
        return self.now_ns

    def wall_ns(self):
        return 0


class FakeTarget:
    """Answers with what it is told to, after using up some time."""

    def __init__(self, name, clock, answer, takes_s=0.0):
        self.name, self.clock, self.answer, self.takes_ns = name, clock, answer, int(takes_s * SECOND_NS)
        self.deadlines = []

    def start(self, call, caller_id, deadline_ns, opening):
        self.deadlines.append(deadline_ns)
        self.clock.now_ns += self.takes_ns
        pending = Pending()
        if isinstance(self.answer, Exception):
            pending.fail(self.answer)
        else:
            pending.resolve(Outcome(self.answer, self.name, "1"))
        return pending

    def predicted_wait_ns(self, rows):
        return 0


class FakeTargets:
    def __init__(self, *targets):
        self.by_name = {target.name: target for target in targets}

    def find(self, name, task=None):
        if name not in self.by_name:
            raise ModelUnavailable
        return self.by_name[name]


def grant_for(*choices, timeout_s=1.0):
    endpoint = Endpoint("mood", 1, CONTRACT, choices, timeout_s=timeout_s, id="mood/v1")
    call = Call(endpoint, Payload(b'"x"'), "application/json", int(timeout_s * SECOND_NS))
    return Grant(Admission(Caller("k1", "me", Auth.KEY), None), call, ())


async def whole(waiting):
    return await waiting


def outcome_of(coroutine):
    ended = []
    drive(coroutine, lambda value, error: ended.append((value, error)))
    value, error = ended[0]
    if error is not None:
        raise error
    return value


def ran(*targets, timeout_s=1.0):
    grant = grant_for(*(TargetChoice(target.name) for target in targets), timeout_s=timeout_s)
    return outcome_of(whole(run(Plan(grant, targets), targets[0].clock, NOTHING_SENT)))


def test_the_first_target_answers():
    clock = Clock()
    outcome = ran(FakeTarget("a", clock, b"1"), FakeTarget("b", clock, b"2"))

    assert (outcome.target, outcome.attempts) == ("a", 1)


@pytest.mark.parametrize(
    "failure", [ModelCrashed(), Overloaded(), DeadlineExceeded(), ModelUnavailable(), ProviderUnable()]
)
def test_a_failed_target_is_followed_by_the_next(failure):
    clock = Clock()
    outcome = ran(FakeTarget("a", clock, failure), FakeTarget("b", clock, b"2"))

    assert (outcome.target, outcome.attempts) == ("b", 2)


UNPAYABLE = pytest.mark.parametrize("refusal", [BudgetExhausted(), PriceUnknown(), RateLimited()])


@UNPAYABLE
def test_a_target_that_cannot_be_paid_for_does_not_hide_that_those_before_it_failed(refusal):
    clock = Clock()
    own, dear = FakeTarget("own", clock, ModelCrashed()), FakeTarget("dear", clock, refusal)

    with pytest.raises(ModelCrashed):
        ran(own, dear)
    assert ran(own, dear, FakeTarget("free", clock, b"3")).target == "free"


@UNPAYABLE
def test_where_nothing_failed_before_what_may_not_be_spent_ends_the_call(refusal):
    clock = Clock()
    second = FakeTarget("b", clock, b"2")

    with pytest.raises(type(refusal)):
        ran(FakeTarget("a", clock, refusal), second)
    assert second.deadlines == []


def test_the_callers_own_mistake_ends_the_call():
    clock = Clock()
    second = FakeTarget("b", clock, b"2")

    with pytest.raises(SchemaViolation):
        ran(FakeTarget("a", clock, SchemaViolation()), second)
    assert second.deadlines == []


def test_the_last_failure_is_the_answer():
    clock = Clock()

    with pytest.raises(Overloaded):
        ran(FakeTarget("a", clock, ModelCrashed()), FakeTarget("b", clock, Overloaded()))


def test_what_every_target_lacks_is_the_callers_to_change():
    clock = Clock()

    with pytest.raises(ProviderUnable):
        ran(FakeTarget("a", clock, ProviderUnable()), FakeTarget("b", clock, ProviderUnable()))


@pytest.mark.parametrize("order", [1, -1])
def test_where_a_target_failed_that_may_have_it_the_call_may_be_sent_again(order):
    clock = Clock()
    targets = FakeTarget("a", clock, ModelCrashed()), FakeTarget("b", clock, ProviderUnable())

    with pytest.raises(ModelCrashed):
        ran(*targets[::order])


def test_each_attempt_may_use_an_equal_share_of_what_is_left():
    clock = Clock()
    first = FakeTarget("a", clock, ModelCrashed(), takes_s=0.2)
    second = FakeTarget("b", clock, b"2")
    ran(first, second)

    assert first.deadlines == [SECOND_NS // 2]
    assert second.deadlines == [SECOND_NS]


def test_no_target_is_tried_after_the_deadline():
    clock = Clock()
    late = FakeTarget("b", clock, b"2")

    with pytest.raises(ModelCrashed):
        ran(FakeTarget("a", clock, ModelCrashed(), takes_s=2.0), late)
    assert late.deadlines == []


def test_ordered_targets_keep_their_order_and_leave_out_what_is_not_ready():
    clock = Clock()
    targets = FakeTargets(FakeTarget("b", clock, b""), FakeTarget("c", clock, b""))
    plan = choose(grant_for(TargetChoice("a"), TargetChoice("b"), TargetChoice("c")), targets, None, RequestId("r"))

    assert [target.name for target in plan.attempts] == ["b", "c"]


def test_no_ready_target_is_503():
    with pytest.raises(ModelUnavailable):
        choose(grant_for(TargetChoice("a"), TargetChoice("b")), FakeTargets(), None, RequestId("r"))


def test_weights_are_kept_over_many_calls_and_the_others_follow():
    clock = Clock()
    targets = FakeTargets(FakeTarget("a", clock, b""), FakeTarget("b", clock, b""), FakeTarget("z", clock, b""))
    grant = grant_for(TargetChoice("a", 90), TargetChoice("b", 10), TargetChoice("z", 0))
    plans = [choose(grant, targets, None, RequestId(f"request-{n}")) for n in range(5000)]
    firsts = [plan.attempts[0].name for plan in plans]

    assert 0.07 < firsts.count("b") / len(firsts) < 0.13
    assert "z" not in {target.name for plan in plans for target in plan.attempts}
    assert {len(plan.attempts) for plan in plans} == {2}


class Loaded(FakeTarget):
    """Takes so long, and has so much in hand."""

    def __init__(self, name, clock, takes_ns, in_hand=0):
        super().__init__(name, clock, b"")
        self.takes_ns, self.in_hand = takes_ns, in_hand

    def load(self):
        return self.takes_ns * (self.in_hand + 1)


def balanced(*targets):
    grant = grant_for(*(TargetChoice(target.name) for target in targets))
    return replace(grant, call=replace(grant.call, endpoint=replace(grant.call.endpoint, is_balanced=True)))


def test_of_two_equals_the_less_loaded_one_is_asked_first_and_the_other_follows():
    clock = Clock()
    targets = [Loaded("busy", clock, 10, in_hand=5), Loaded("free", clock, 10)]
    plans = [choose(balanced(*targets), FakeTargets(*targets), None, RequestId(f"request-{n}")) for n in range(50)]

    assert {tuple(target.name for target in plan.attempts) for plan in plans} == {("free", "busy")}


def test_calls_spread_by_speed_and_never_herd_to_the_best():
    clock = Clock()
    targets = [Loaded(name, clock, 10) for name in ("a", "b", "c")] + [Loaded("slow", clock, 100)]
    grant, asked, ends = balanced(*targets), [], []
    for now in range(4000):
        for end in [end for end in ends if end[0] <= now]:
            ends.remove(end)
            end[1].in_hand -= 1
        first = choose(grant, FakeTargets(*targets), None, RequestId(f"request-{now}")).attempts[0]
        first.in_hand += 1
        asked.append(first.name)
        ends.append((now + first.takes_ns, first))

    assert asked.count("slow") < 400
    assert min(asked.count(name) for name in ("a", "b", "c")) > 1000


@given(st.integers(1, 6), st.integers(0, 2**32))
def test_every_ready_target_is_tried_once_whatever_is_drawn(count, number):
    targets = [Loaded(f"t{place}", Clock(), 10) for place in range(count)]
    plan = choose(balanced(*targets), FakeTargets(*targets), None, RequestId(str(number)))

    assert sorted(target.name for target in plan.attempts) == [target.name for target in targets]
