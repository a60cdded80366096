"""When a call is sent a second time."""

from hypothesis import given
from hypothesis import strategies as st

from headworks.targets.providers.hedge import HedgePolicy, Hedging
from headworks.units import MILLISECOND_NS


def test_nothing_is_sent_twice_before_enough_is_known():
    hedging = Hedging(HedgePolicy(least_seen=20))
    for _ in range(19):
        hedging.observe(MILLISECOND_NS)

    assert hedging.began() is None


def test_the_second_copy_waits_for_what_nearly_all_calls_take():
    hedging = Hedging(HedgePolicy(least_seen=100, least_delay_ms=0))
    for latency_ms in range(1, 101):
        hedging.observe(latency_ms * MILLISECOND_NS)

    assert hedging.began() == 96 * MILLISECOND_NS


def test_it_never_waits_less_than_the_least():
    hedging = Hedging(HedgePolicy(least_seen=1, least_delay_ms=20))
    hedging.observe(1)

    assert hedging.began() == 20 * MILLISECOND_NS


def test_the_delay_follows_the_last_calls_only():
    hedging = Hedging(HedgePolicy(least_delay_ms=0))
    for _ in range(300):
        hedging.observe(1000 * MILLISECOND_NS)
    for _ in range(300):
        hedging.observe(MILLISECOND_NS)

    assert hedging.began() == MILLISECOND_NS


@given(st.lists(st.booleans(), max_size=500), st.floats(0, 0.5))
def test_no_more_than_its_share_is_ever_sent_twice(wants, share):
    policy = HedgePolicy(share=share)
    hedging, calls = Hedging(policy), 0
    for wants_second in wants:
        hedging.began()
        calls += 1
        if wants_second:
            hedging.take()

        assert hedging.sent <= share * calls + 1e-9
