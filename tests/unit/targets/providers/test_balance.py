"""How loaded a target is."""

from hypothesis import given
from hypothesis import strategies as st

from headworks.targets.providers.balance import DECAY_NS, PeakLoad
from headworks.units import MILLISECOND_NS, SECOND_NS


def load(latency_ms, in_flight=0, now_ns=0):
    made = PeakLoad()
    made.observe(latency_ms * MILLISECOND_NS, now_ns)
    made.in_flight = in_flight
    return made


def test_a_slower_answer_counts_at_once_and_quicker_ones_little_by_little():
    one = load(10)
    one.observe(100 * MILLISECOND_NS, 0)
    peak = one.cost(0)
    one.observe(10 * MILLISECOND_NS, SECOND_NS)

    assert peak == 100 * MILLISECOND_NS
    assert 80 * MILLISECOND_NS < one.cost(SECOND_NS) < 95 * MILLISECOND_NS


def test_a_slow_one_is_tried_again_when_it_has_rested():
    slow, quick = load(1000), load(10)
    quick.observe(10 * MILLISECOND_NS, 6 * DECAY_NS)

    assert slow.cost(0) > quick.cost(0)
    assert slow.cost(6 * DECAY_NS) < quick.cost(6 * DECAY_NS)


def test_what_is_in_hand_counts_as_often_as_it_is():
    assert load(50, in_flight=9).cost(0) == 10 * load(50).cost(0)


def test_one_that_was_never_asked_costs_less_than_any_that_was():
    assert PeakLoad().cost(0) < load(1).cost(0)


def test_one_that_has_not_answered_yet_is_not_sent_a_crowd():
    unproven = PeakLoad()
    unproven.begin()

    assert unproven.cost(0) > load(100, in_flight=50).cost(0)


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(0, 10**10)), min_size=1))
def test_the_cost_stays_within_what_was_seen(seen):
    one, now_ns = PeakLoad(), 0
    for passed_ns, latency_ns in seen:
        now_ns += passed_ns
        one.observe(latency_ns, now_ns)

        assert min(latency_ns, 1.0) <= one.cost(now_ns) <= max(*(latency for _, latency in seen), 1.0) * 1.000001
