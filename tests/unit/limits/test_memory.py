import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import ConcurrencyExceeded, Overloaded, RateLimited
from headworks.limits.memory import MemoryLimits
from headworks.units import SECOND_NS, Rate
from tests.fakes_limits import FakeDebts, FakeLimits

RATES = st.builds(
    Rate,
    st.integers(1, 2000).map(float),
    st.sampled_from([1.0, 60.0, 3600.0, 86400.0]),
    st.none() | st.integers(1, 500),
)
TAKES = st.lists(st.tuples(st.integers(0, 20 * SECOND_NS), st.integers(1, 5)), min_size=1, max_size=60)


def admitted(limits, rate, takes, start_ns=0):
    now_ns = start_ns
    for pause_ns, cost in takes:
        now_ns += pause_ns
        try:
            limits.take("key", rate, cost, now_ns)
        except RateLimited:
            continue
        yield now_ns, cost


@given(RATES, TAKES)
def test_no_window_admits_more_than_burst_plus_rate(rate, takes):
    passed = list(admitted(MemoryLimits(), rate, takes))

    for first, last in itertools.combinations_with_replacement(range(len(passed)), 2):
        window_ns = passed[last][0] - passed[first][0]
        cost = sum(cost for _, cost in passed[first : last + 1])
        assert (cost - rate.depth) * rate.interval_ns <= window_ns


@given(RATES, TAKES)
def test_decisions_are_those_of_exact_token_buckets(rate, takes):
    assert list(admitted(MemoryLimits(), rate, takes)) == list(admitted(FakeLimits(), rate, takes))


@given(RATES, TAKES, st.integers(1, 5))
def test_whoever_waits_exactly_retry_after_is_admitted(rate, takes, cost):
    limits = MemoryLimits()
    now_ns = sum(pause_ns for pause_ns, _ in takes)
    list(admitted(limits, rate, takes))
    try:
        limits.take("key", rate, cost, now_ns)
    except RateLimited as error:
        if error.retry_after_s is not None:
            limits.take("key", rate, cost, now_ns + round(error.retry_after_s * SECOND_NS))


@given(RATES, TAKES, st.integers(-3600, 3600))
def test_decisions_depend_on_differences_of_monotonic_time_only(rate, takes, shift_s):
    here = [at_ns for at_ns, _ in admitted(MemoryLimits(), rate, takes, 10_000 * SECOND_NS)]
    shift_ns = shift_s * SECOND_NS
    there = [at_ns - shift_ns for at_ns, _ in admitted(MemoryLimits(), rate, takes, 10_000 * SECOND_NS + shift_ns)]

    assert here == there


def test_a_million_takes_at_the_rate_do_not_drift():
    limits, rate = MemoryLimits(), Rate(3, 1.0, burst=2)
    limits.take("key", rate, 1, 0)
    quota = None
    for number in range(1, 1_000_001):
        quota = limits.take("key", rate, 1, number * rate.interval_ns)

    assert quota.remaining == 1
    assert quota.reset_s == rate.interval_ns / SECOND_NS


def test_a_call_that_stood_unread_while_others_went_by_is_not_refused_for_it():
    limits, rate = MemoryLimits(), Rate(1000.0, 1.0)
    limits.take("key", rate, 1, 20 * SECOND_NS)
    quota = limits.take("key", rate, 1, 12 * SECOND_NS)

    assert quota.remaining == 998


def test_a_refusal_carries_the_limit_as_header_fields():
    limits = MemoryLimits()
    limits.take("key", Rate(10, 20.0), 8, 0)
    with pytest.raises(RateLimited) as caught:
        limits.take("key", Rate(10, 20.0), 5, 0)

    assert caught.value.headers == (("RateLimit", '"key";r=2;t=6'), ("RateLimit-Policy", '"key";q=10;w=20'))


def test_a_narrowed_rate_counts_the_old_debt_as_a_full_bucket_at_most():
    limits = MemoryLimits()
    limits.take("key", Rate(10, 3600.0), 10, 0)

    with pytest.raises(RateLimited) as caught:
        limits.take("key", Rate(10, 1.0), 1, 0)
    assert caught.value.retry_after_s == pytest.approx(0.1)


def test_only_rested_buckets_give_way_when_no_room_is_left():
    limits = MemoryLimits(most_buckets=3)
    slow = Rate(1, 3600.0)
    limits.take("in debt", slow, 1, 0)
    for second, name in enumerate("abcdefgh"):
        limits.take(name, Rate(1000, 1.0), 1, second * SECOND_NS)

    with pytest.raises(RateLimited):
        limits.take("in debt", slow, 1, 8 * SECOND_NS)


def test_more_buckets_in_debt_than_are_kept_is_an_overload():
    limits = MemoryLimits(most_buckets=2)
    for name in ("a", "b"):
        limits.take(name, Rate(1, 3600.0), 1, 0)

    with pytest.raises(Overloaded):
        limits.take("c", Rate(1, 3600.0), 1, 0)
    assert limits.take("c", Rate(1, 3600.0), 1, 3600 * SECOND_NS).remaining == 0


def test_counts_of_running_calls_are_dropped_at_zero():
    limits = MemoryLimits()
    limits.enter("key", 2)
    limits.enter("key", 2)
    limits.leave("key")

    assert limits.running("key") == 1
    limits.leave("key")
    assert limits.running("key") == 0
    with pytest.raises(ConcurrencyExceeded):
        limits.enter("key", 0)


class Front:
    """A limiter over debts that outlive it; the machine's monotonic clock starts anywhere after each start."""

    def __init__(self, debts, now_ns):
        self.debts = debts
        self.limits = MemoryLimits(debts)
        self.limits.restore(debts.elapsed_ns, dict(debts.due), now_ns)


@given(RATES, TAKES, st.integers(0, 10**15), st.integers(0, 4 * SECOND_NS))
def test_a_clean_restart_neither_gains_nor_loses(rate, takes, rebooted_ns, pause_ns):
    debts = FakeDebts()
    first = Front(debts, 0).limits
    end_ns = sum(pause for pause, _ in takes)
    list(admitted(first, rate, takes))
    first.close(end_ns)
    second = Front(debts, rebooted_ns).limits

    more = [(pause_ns, 1)] * 20
    uninterrupted = [at_ns - end_ns for at_ns, _ in admitted(first, rate, more, end_ns)]
    restarted = [at_ns - rebooted_ns for at_ns, _ in admitted(second, rate, more, rebooted_ns)]
    assert restarted == uninterrupted


@given(RATES, TAKES, st.integers(0, 10**15), st.integers(0, SECOND_NS))
def test_a_kill_gains_nothing_and_loses_a_second_or_a_hundredth(rate, takes, rebooted_ns, unticked_ns):
    debts = FakeDebts()
    limits = Front(debts, 0).limits
    end_ns = sum(pause for pause, _ in takes)
    list(admitted(limits, rate, takes))
    limits.tick(max(0, end_ns - unticked_ns))
    owed_ns = limits.snapshot(end_ns).get("key", 0)
    restored_ns = Front(debts, rebooted_ns).limits.snapshot(rebooted_ns).get("key", 0)

    depth_ns = rate.depth * rate.interval_ns
    assert restored_ns >= owed_ns
    slack_ns = max(SECOND_NS, depth_ns // 100)
    assert restored_ns <= owed_ns + (slack_ns if slack_ns > rate.interval_ns else 0) + unticked_ns


@pytest.mark.parametrize("rate", [Rate(10, 60.0), Rate(5, 3600.0), Rate(100, 86_400.0)])
def test_a_slow_rate_loses_not_one_call_to_a_kill(rate):
    debts = FakeDebts()
    limits = Front(debts, 0).limits
    for number in range(4):
        limits.take("key", rate, 1, number * 1000)
    again = Front(debts, 77).limits
    left = [again.take("key", rate, 1, 77).remaining for _ in range(rate.depth - 4)]

    assert left[-1] == 0
    with pytest.raises(RateLimited):
        again.take("key", rate, 1, 77)


def test_a_caller_who_made_no_call_lately_loses_nothing_to_a_kill():
    debts = FakeDebts()
    limits = Front(debts, 0).limits
    limits.take("key", Rate(60, 60.0), 1, 0)
    limits.tick(10 * SECOND_NS)
    again = Front(debts, 0).limits

    assert again.take("key", Rate(60, 60.0), 1, 0).remaining == 59
    assert again.take("other", Rate(60, 60.0), 1, 0).remaining == 59


def test_an_exhausted_caller_is_still_exhausted_after_a_kill_and_an_hour_down():
    debts = FakeDebts()
    rate = Rate(5, 3600.0)
    Front(debts, 0).limits.take("key", rate, 5, 0)

    with pytest.raises(RateLimited) as caught:
        Front(debts, 3600 * SECOND_NS).limits.take("key", rate, 1, 3600 * SECOND_NS)
    assert caught.value.retry_after_s == pytest.approx(720)


def test_a_bucket_under_load_is_kept_about_once_a_second():
    debts = FakeDebts()
    limits, rate = MemoryLimits(debts), Rate(1000, 1.0, burst=1)
    for number in range(10_000):
        limits.take("key", rate, 1, number * rate.interval_ns)

    assert 5 <= debts.writes <= 11


def test_what_a_failing_store_did_not_keep_is_kept_by_the_next_call():
    debts = FakeDebts()
    limits, rate = MemoryLimits(debts), Rate(100, 1.0)
    debts.is_failing = True
    limits.take("key", rate, 1, 0)
    debts.is_failing = False
    limits.take("key", rate, 1, 0)

    assert debts.due["key"] >= 2 * rate.interval_ns


def test_restored_buckets_that_nobody_used_are_kept_by_the_next_clean_end():
    debts = FakeDebts()
    rate = Rate(5, 3600.0)
    Front(debts, 0).limits.take("key", rate, 5, 0)
    Front(debts, 50).limits.close(50 + 720 * SECOND_NS)
    third = Front(debts, 7).limits

    assert third.take("key", rate, 1, 7 + 60 * SECOND_NS).remaining == 0


def test_a_store_that_fails_at_the_end_leaves_what_a_kill_would():
    debts = FakeDebts()
    limits, rate = Front(debts, 0).limits, Rate(5, 3600.0)
    limits.take("key", rate, 5, 0)
    debts.is_failing = True
    limits.close(SECOND_NS)

    with pytest.raises(RateLimited):
        Front(debts, 0).limits.take("key", rate, 1, 0)
