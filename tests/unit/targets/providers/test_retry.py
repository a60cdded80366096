"""What follows a failed attempt, class by class."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from headworks.errors import (
    BudgetExhausted,
    ClientGone,
    ContentRefused,
    ContextTooLong,
    ContractViolation,
    DeadlineExceeded,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnable,
    ProviderUnavailable,
    ProviderUnreachable,
)
from headworks.targets.providers.retry import RULES, Onward, RetryPolicy, Step, Tried, backoff_ns, following
from headworks.units import SECOND_NS
from tests.unit.targets.providers.test_health import below

POLICY = RetryPolicy(attempts=3)
UNSURE = structs.replace(POLICY, resends_unsure=True)
FRESH = Tried(sent=1, repeated=False, has_other_key=False, is_last=True)
TWO_KEYS = structs.replace(FRESH, has_other_key=True)
MINUTE_NS = 60 * SECOND_NS
KINDS = sorted(below(ProviderError) | below(ProviderRefused) | {ContractViolation}, key=lambda kind: kind.__name__)


def middle():
    return 0.5


def after(error, tried=FRESH, policy=POLICY, left_ns=MINUTE_NS):
    return following(error, tried, policy, left_ns, middle)


def test_every_failure_of_a_provider_has_a_row():
    assert set(KINDS) <= RULES.keys()


def test_a_refused_input_ends_the_call_for_good():
    assert RULES[ProviderRefused].onward is Onward.NEVER
    assert after(ProviderRefused(), TWO_KEYS, UNSURE) is None


def test_what_a_target_lacks_is_never_asked_of_it_again_and_always_of_the_next():
    assert RULES[ProviderUnable].onward is Onward.ANY
    assert after(ProviderUnable(), TWO_KEYS, UNSURE) is None


@pytest.mark.parametrize("error", [ContextTooLong(), ContentRefused()])
def test_too_long_or_against_the_rules_goes_only_where_the_endpoint_says(error):
    assert RULES[type(error)].onward is Onward.DECLARED
    assert after(error, TWO_KEYS, UNSURE) is None


def test_a_refused_key_is_followed_by_another_at_once_and_by_nothing_without_one():
    assert after(ProviderKeyRejected(), TWO_KEYS) == Step(0, is_other_key=True)
    assert after(ProviderKeyRejected(), FRESH) is None


def test_a_change_of_key_is_not_counted_as_a_sending():
    assert after(ProviderBusy(), structs.replace(TWO_KEYS, sent=9)) == Step(0, is_other_key=True)


def test_busy_is_waited_for_only_where_nobody_else_could_answer_and_time_is_left():
    busy = ProviderBusy(retry_after_s=2.0)

    assert after(busy) == Step(int(2.1 * SECOND_NS))
    assert after(busy, structs.replace(FRESH, is_last=False)) is None
    assert after(busy, left_ns=2 * SECOND_NS) is None
    assert after(ProviderBusy()) == Step(SECOND_NS)


@given(told_s=st.floats(0, 60), random=st.floats(0, 1, exclude_max=True))
def test_who_is_told_when_to_come_back_comes_no_earlier_and_not_all_at_once(told_s, random):
    step = following(ProviderBusy(retry_after_s=told_s), FRESH, POLICY, 2 * MINUTE_NS, lambda: random)
    told_ns = told_s * (1 + 0.1 * random) * SECOND_NS

    assert step.wait_ns == pytest.approx(max(told_ns, (0.4 + 0.2 * random) * SECOND_NS), abs=2)


@pytest.mark.parametrize("told_s", [float("inf"), float("nan"), 1e300])
def test_a_wait_that_is_no_time_is_no_reason_to_break(told_s):
    step = after(ProviderBusy(retry_after_s=told_s))

    assert step is None or step.wait_ns < MINUTE_NS


def test_unreachable_is_tried_again_after_a_doubling_wait():
    waits_s = [after(ProviderUnreachable(), structs.replace(FRESH, sent=sent)) for sent in (1, 2, 3)]

    assert waits_s == [Step(SECOND_NS // 2), Step(SECOND_NS), None]


@pytest.mark.parametrize("error", [ProviderDown(), ProviderTimeout()])
def test_what_may_have_been_carried_out_is_sent_again_only_by_the_policys_word(error):
    assert after(error) is None
    assert after(error, policy=UNSURE) == Step(SECOND_NS // 2)


@pytest.mark.parametrize("error", [ProviderBroken(), ContractViolation()])
def test_an_answer_that_is_no_good_is_asked_for_once_more(error):
    assert after(error) == Step()
    assert after(error, structs.replace(FRESH, sent=2, repeated=True)) is None


@pytest.mark.parametrize("error", [DeadlineExceeded(), ClientGone(), BudgetExhausted(), ProviderUnavailable()])
def test_nothing_follows_what_asking_again_cannot_change(error):
    assert after(error, TWO_KEYS, UNSURE) is None


@given(sent=st.integers(1, 10_000), random=st.floats(0, 1, exclude_max=True))
def test_a_backoff_stays_within_its_bounds(sent, random):
    wait_ns = backoff_ns(sent, POLICY, lambda: random)

    assert 0.8 * 0.5 * SECOND_NS - 1 <= wait_ns <= 1.2 * 5 * SECOND_NS


@given(
    kind=st.sampled_from(KINDS),
    retry_after_s=st.none() | st.floats(-10, 1e6),
    tried=st.builds(Tried, st.integers(1, 50), st.booleans(), st.booleans(), st.booleans()),
    policy=st.sampled_from([POLICY, UNSURE]),
    left_ns=st.integers(-SECOND_NS, 100 * SECOND_NS),
    random=st.floats(0, 1, exclude_max=True),
)
def test_no_step_outlasts_the_deadline_or_the_number_of_attempts(kind, retry_after_s, tried, policy, left_ns, random):
    step = following(kind(retry_after_s=retry_after_s), tried, policy, left_ns, lambda: random)

    assert step is None or 0 <= step.wait_ns < left_ns
    assert step is None or step.is_other_key or tried.sent < policy.attempts
    assert step is None or not step.is_other_key or tried.has_other_key
