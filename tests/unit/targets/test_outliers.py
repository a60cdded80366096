"""Equals judged against each other: whatever comes in whatever order, the promises hold."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from headworks.policies import OutlierPolicy
from headworks.targets.outliers import (
    ON_EVENT,
    ON_TIME,
    SLOTS,
    Event,
    Group,
    Seen,
    Standing,
    Window,
    is_outlying,
)
from headworks.units import MILLISECOND_NS, SECOND_NS

POLICY = OutlierPolicy(window_s=10, least_calls=10, out_s=5.0, longest_out_s=20.0)
QUICK_NS = 10 * MILLISECOND_NS


class House:
    """A group, its clock, and what was told of it."""

    def __init__(self, names="abc", policy=POLICY):
        self.told = []
        self.group = Group(tuple(names), policy, self.told.append)
        self.now_ns = 0

    def call(self, name, is_failed=False, took_ns=QUICK_NS):
        self.group.ended(name, self.group.begin(name), took_ns, self.now_ns, is_failed=is_failed)

    def calls(self, name, well, failed=0):
        for _ in range(well):
            self.call(name)
        for _ in range(failed):
            self.call(name, is_failed=True)

    def others_are_well(self, but="a"):
        for name in self.group.names:
            if name != but:
                self.calls(name, 20)

    def out(self):
        return set(self.group.out(self.now_ns))

    def standing(self, name):
        return next(s.standing for s in self.group.states("e/v1", self.now_ns) if s.target == name)

    def pass_s(self, s):
        self.now_ns += int(s * SECOND_NS)


def test_the_tables_name_every_standing_and_lead_back_in():
    assert set(ON_EVENT) == set(Standing)
    for standing in Standing:
        reached, seen = {standing}, set()
        while reached - seen:
            seen |= reached
            reached |= {to for at in seen for to in ON_EVENT[at].values()}
            reached |= {ON_TIME[at] for at in seen if at in ON_TIME}
        assert Standing.IN in reached
    assert {event for table in ON_EVENT.values() for event in table} == set(Event)


def test_one_that_fails_much_more_than_the_others_is_out_and_it_is_told_why():
    house = House()
    house.others_are_well()
    house.calls("a", well=9, failed=4)

    assert house.out() == {"a"}
    change = house.told[0]
    assert (change.target, change.standing, change.out_s) == ("a", Standing.OUT, 5.0)
    assert (change.own.calls, change.own.failed, change.others.calls, change.others.failed) == (12, 3, 40, 0)


def test_what_all_suffer_puts_nobody_out():
    house = House()
    for _ in range(200):
        for name in "abc":
            house.call(name, is_failed=True)

    assert house.out() == set()


def test_two_targets_are_enough_to_compare():
    house = House("ab")
    house.others_are_well()
    house.calls("a", well=5, failed=5)

    assert house.out() == {"a"}


def test_nobody_is_judged_by_too_few_calls_or_against_too_few_targets():
    few = House()
    few.others_are_well()
    few.calls("a", well=0, failed=9)
    alone = House()
    alone.calls("a", well=0, failed=50)
    many = House(policy=OutlierPolicy(least_calls=10, least_targets=3))
    many.calls("b", 20)
    many.calls("a", well=0, failed=50)

    assert few.out() == alone.out() == many.out() == set()


def test_a_difference_that_chance_explains_puts_nobody_out():
    own, others = Seen(10, 5), Seen(10, 2)

    assert own.failed_share - others.failed_share >= POLICY.worse_by
    assert not is_outlying(own, others, POLICY)
    assert is_outlying(Seen(100, 50), Seen(100, 20), POLICY)


def test_a_sure_but_small_difference_puts_nobody_out():
    assert not is_outlying(Seen(100_000, 10_000), Seen(100_000, 0), POLICY)


def test_a_slow_one_is_out_only_where_that_is_asked_for():
    slow = OutlierPolicy(least_calls=10, slower=3.0)
    houses = House(), House(policy=slow)
    for house in houses:
        house.others_are_well()
        for _ in range(10):
            house.call("a", took_ns=4 * QUICK_NS)

    assert [house.out() for house in houses] == [set(), {"a"}]


def test_one_very_slow_answer_among_usual_ones_is_no_slowness():
    house = House(policy=OutlierPolicy(least_calls=20, slower=2.0))
    house.others_are_well()
    house.call("a", took_ns=3000 * QUICK_NS)
    house.calls("a", 30)

    assert house.out() == set()


def test_it_comes_back_after_its_time_and_is_judged_by_new_calls_only():
    house = House()
    house.others_are_well()
    house.calls("a", well=0, failed=10)
    house.pass_s(4.999)
    before = house.out()
    house.pass_s(0.001)
    after = house.out()
    house.calls("a", well=9)

    assert (before, after) == ({"a"}, set())
    assert house.standing("a") is Standing.BACK
    house.call("a")
    assert house.standing("a") is Standing.IN
    assert [change.standing for change in house.told] == [Standing.OUT, Standing.BACK, Standing.IN]


def test_each_time_in_a_row_it_is_out_twice_as_long_up_to_a_bound_and_once_well_from_the_start():
    house, out_s = House(), []

    def ejected():
        house.others_are_well()
        house.calls("a", well=0, failed=10)
        out_s.append(house.told[-1].out_s)
        house.pass_s(out_s[-1])
        house.out()

    for _ in range(4):
        ejected()
    house.others_are_well()
    house.calls("a", 10)
    ejected()

    assert out_s == [5.0, 10.0, 20.0, 20.0, 5.0]


def test_calls_begun_before_it_went_out_are_no_evidence_once_it_is_back():
    house = House()
    early = [house.group.begin("a") for _ in range(30)]
    house.others_are_well()
    house.calls("a", well=0, failed=10)
    house.pass_s(5)
    house.out()
    house.others_are_well()
    for given_stay in early:
        house.group.ended("a", given_stay, QUICK_NS, house.now_ns, is_failed=True)

    assert house.standing("a") is Standing.BACK


@pytest.mark.parametrize(
    ("count", "share", "most"), [(2, 0.5, 1), (2, 0.99, 1), (3, 0.1, 1), (4, 0.5, 2), (5, 0.9, 4), (1, 0.9, 0)]
)
def test_never_more_are_out_than_may_be_and_one_is_always_left(count, share, most):
    names = [f"t{number}" for number in range(count)]
    house = House(names, OutlierPolicy(least_calls=10, most_out=share))
    house.calls(names[-1], 1000)
    for name in names[:-1]:
        house.calls(name, well=0, failed=100)

    assert len(house.out()) == min(most, count - 1)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5])
def test_equals_that_fail_alike_are_seldom_put_out_by_chance(share):
    chance, house = random.Random(7), House(policy=OutlierPolicy())
    for _ in range(60_000):
        house.call(chance.choice("abc"), is_failed=chance.random() < share)
        house.pass_s(0.02)

    ejected = sum(change.standing is Standing.OUT for change in house.told)
    assert ejected <= 4


def test_one_that_fails_a_third_of_its_calls_is_found_within_a_few_dozen():
    found = []
    for seed in range(50):
        chance, house = random.Random(seed), House(policy=OutlierPolicy())
        house.others_are_well()
        for number in range(200):
            house.call("a", is_failed=chance.random() < 0.33)
            if house.out():
                found.append(number)
                break

    assert len(found) == 50
    assert sorted(found)[45] <= 60


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3 * SECOND_NS), st.booleans()), max_size=200))
def test_a_window_holds_what_is_recent_and_nothing_else(seen):
    window, now_ns, calls = Window(10 * SECOND_NS), 0, []
    for passed_ns, is_failed in seen:
        now_ns += passed_ns
        window.add(now_ns, is_failed=is_failed, took_ns=QUICK_NS)
        calls.append((now_ns // SECOND_NS, is_failed))
        recent = [failed for slot, failed in calls if slot > now_ns // SECOND_NS - SLOTS]
        found = window.seen(now_ns)

        assert (found.calls, found.failed) == (len(recent), sum(recent))
        assert found.typical_ns == pytest.approx(QUICK_NS if found.calls > found.failed else 0)


class Equals(RuleBasedStateMachine):
    """Calls begin, end well or badly, or never end; time passes."""

    @initialize(count=st.integers(1, 5), share=st.sampled_from([0.1, 0.5, 0.9]))
    def begin(self, count, share):
        self.names = [f"t{number}" for number in range(count)]
        policy = OutlierPolicy(window_s=10, least_calls=5, most_out=share, out_s=5, longest_out_s=40, slower=3.0)
        self.house = House(self.names, policy)
        self.under_way = []
        self.most = max(1, int(share * count)) if count > 1 else 0

    @rule(at=st.integers(0, 4), count=st.integers(1, 12), is_failed=st.booleans(), took_ns=st.integers(0, SECOND_NS))
    def calls(self, at, count, is_failed, took_ns):
        for _ in range(count):
            self.house.call(self.names[at % len(self.names)], is_failed, took_ns)

    @rule(at=st.integers(0, 4))
    def starts(self, at):
        name = self.names[at % len(self.names)]
        self.under_way.append((name, self.house.group.begin(name)))

    @rule(is_failed=st.booleans())
    def ends(self, is_failed):
        if self.under_way:
            name, given_stay = self.under_way.pop(0)
            self.house.group.ended(name, given_stay, QUICK_NS, self.house.now_ns, is_failed=is_failed)

    @rule(s=st.floats(0, 50))
    def time_passes(self, s):
        self.house.pass_s(s)

    @invariant()
    def never_too_many_and_never_too_long(self):
        out = self.house.out()

        assert len(out) <= min(self.most, len(self.names) - 1) if len(self.names) > 1 else not out
        assert all(change.out_s <= 40 for change in self.house.told)
        states = self.house.group.states("e/v1", self.house.now_ns)
        assert {state.target for state in states if state.standing is Standing.OUT} == out

    @invariant()
    def what_is_told_follows_the_tables(self):
        last = dict.fromkeys(self.names, Standing.IN)
        for change in self.house.told:
            before = last[change.target]
            assert change.standing in {*ON_EVENT[before].values(), ON_TIME.get(before)}
            last[change.target] = change.standing
        states = self.house.group.states("e/v1", self.house.now_ns)
        assert last == {state.target: state.standing for state in states}


TestEquals = Equals.TestCase
TestEquals.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
