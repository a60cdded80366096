"""Who of several equals is asked."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.targets.providers.balance import DECAY_NS, PeakLoad, better_of_two, drawn
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


def test_the_less_loaded_of_two_is_taken_whichever_was_drawn_first():
    loads = [load(50, in_flight=9), load(50, in_flight=1)]

    assert {better_of_two(loads, 0, iter(draws).__next__) for draws in ([0.0, 0.9], [0.9, 0.0])} == {1}


def test_one_that_was_never_asked_is_asked_first():
    assert better_of_two([load(1), PeakLoad()], 0, lambda: 0.0) == 1


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_place_is_always_one_of_those_there_are(count, first, second):
    draws = iter([first, second])

    assert 0 <= better_of_two([PeakLoad() for _ in range(count)], 0, draws.__next__) < count


def test_calls_spread_by_speed_and_never_herd():
    rng, now_ns, loads, asked, ends = random.Random(7), 0, [PeakLoad() for _ in range(4)], [0] * 4, []
    takes_ns = [10 * MILLISECOND_NS] * 3 + [100 * MILLISECOND_NS]
    for _ in range(4000):
        now_ns += MILLISECOND_NS
        for end in [end for end in ends if end[0] <= now_ns]:
            ends.remove(end)
            loads[end[1]].end()
            loads[end[1]].observe(takes_ns[end[1]], now_ns)
        place = better_of_two(loads, now_ns, rng.random)
        loads[place].begin()
        asked[place] += 1
        ends.append((now_ns + takes_ns[place], place))

    assert asked[3] < 200
    assert min(asked[:3]) > 1000


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_a_weight_of_zero_is_never_drawn(weights, point):
    place = drawn(weights, lambda: point)

    assert 0 <= place < len(weights)
    assert weights[place] > 0 or not any(weights)


def test_weights_are_kept_in_proportion():
    rng = random.Random(11)
    places = [drawn([80, 15, 5], rng.random) for _ in range(10_000)]

    assert [places.count(place) / 10_000 for place in range(3)] == pytest.approx([0.8, 0.15, 0.05], abs=0.02)
