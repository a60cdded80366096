"""What every implementation of ports.Limits does."""

import pytest

from headworks.errors import ConcurrencyExceeded, RateLimited
from headworks.limits.memory import MemoryLimits
from headworks.units import SECOND_NS, Rate
from tests.fakes_limits import FakeDebts, FakeLimits

TEN_A_SECOND = Rate(10, 1.0)
START_NS = 5 * SECOND_NS


@pytest.fixture(params=[FakeLimits, MemoryLimits, lambda: MemoryLimits(FakeDebts())], ids=["fake", "memory", "kept"])
def limits(request):
    return request.param()


def test_a_rested_bucket_admits_its_burst_and_no_more(limits):
    left = [limits.take("key", TEN_A_SECOND, 1, START_NS).remaining for _ in range(10)]

    with pytest.raises(RateLimited):
        limits.take("key", TEN_A_SECOND, 1, START_NS)
    assert left == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_who_waits_exactly_retry_after_is_admitted(limits):
    limits.take("key", TEN_A_SECOND, 10, START_NS)
    with pytest.raises(RateLimited) as caught:
        limits.take("key", TEN_A_SECOND, 3, START_NS)

    wait_ns = round(caught.value.retry_after_s * SECOND_NS)
    with pytest.raises(RateLimited):
        limits.take("key", TEN_A_SECOND, 3, START_NS + wait_ns - 2000)
    quota = limits.take("key", TEN_A_SECOND, 3, START_NS + wait_ns)
    assert caught.value.retry_after_s == pytest.approx(0.3)
    assert quota.remaining == 0


def test_a_refused_call_takes_nothing(limits):
    limits.take("key", TEN_A_SECOND, 9, START_NS)
    for _ in range(5):
        with pytest.raises(RateLimited):
            limits.take("key", TEN_A_SECOND, 2, START_NS)

    assert limits.take("key", TEN_A_SECOND, 1, START_NS).remaining == 0


def test_a_quota_says_the_limit_its_window_and_when_it_is_whole_again(limits):
    quota = limits.take("key", Rate(60, 60.0, burst=5), 2, START_NS)

    assert (quota.name, quota.limit, quota.remaining) == ("key", 5, 3)
    assert quota.window_s == pytest.approx(5.0)
    assert quota.reset_s == pytest.approx(2.0)


def test_buckets_do_not_know_each_other(limits):
    limits.take("one", TEN_A_SECOND, 10, START_NS)

    assert limits.take("two", TEN_A_SECOND, 1, START_NS).remaining == 9


def test_a_call_that_can_never_pass_is_told_no_time_to_wait(limits):
    with pytest.raises(RateLimited) as caught:
        limits.take("key", TEN_A_SECOND, 11, START_NS)

    assert caught.value.retry_after_s is None


def test_so_many_calls_run_at_once_and_one_more_after_one_left(limits):
    limits.enter("key", 2)
    limits.enter("key", 2)
    with pytest.raises(ConcurrencyExceeded) as caught:
        limits.enter("key", 2)
    limits.leave("key")
    limits.enter("key", 2)

    assert caught.value.retry_after_s == 1.0


def test_leaving_more_often_than_entering_opens_no_room(limits):
    limits.leave("key")
    limits.enter("key", 1)

    with pytest.raises(ConcurrencyExceeded):
        limits.enter("key", 1)


def test_what_turned_out_not_to_be_needed_is_given_back_and_what_was_needed_beyond_is_taken(limits):
    limits.take("key", TEN_A_SECOND, 8, START_NS)
    limits.correct("key", TEN_A_SECOND, -5, START_NS)
    assert limits.take("key", TEN_A_SECOND, 2, START_NS).remaining == 5
    limits.correct("key", TEN_A_SECOND, 9, START_NS)

    with pytest.raises(RateLimited) as caught:
        limits.take("key", TEN_A_SECOND, 1, START_NS)
    assert caught.value.retry_after_s is not None


def test_giving_back_fills_no_bucket_beyond_its_burst(limits):
    limits.take("key", TEN_A_SECOND, 1, START_NS)
    limits.correct("key", TEN_A_SECOND, -50, START_NS)

    assert limits.take("key", TEN_A_SECOND, 1, START_NS).remaining == 9


def test_what_is_left_is_told_and_nothing_is_taken(limits):
    rate = Rate(60, 60)
    limits.take("k", rate, 45, 0)
    looks = [limits.left("k", rate, at_s * SECOND_NS) for at_s in (0, 0, 10, 100)]
    limits.correct("k", rate, 30, 0)
    beyond = limits.left("k", rate, 0)

    assert [(quota.limit, quota.window_s) for quota in looks] == [(60, 60.0)] * 4
    assert [(quota.remaining, quota.reset_s) for quota in looks] == [(15, 45.0), (15, 45.0), (25, 35.0), (60, 0.0)]
    assert (beyond.remaining, beyond.reset_s) == (0, 75.0)
    assert limits.left("nobody", rate, 0).remaining == 60
