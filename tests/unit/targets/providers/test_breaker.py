"""A breaker as a machine: whatever comes in whatever order, its promises hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from headworks.targets.providers.breaker import ON_EVENT, ON_TIME, SLOTS, Breaker, BreakerSettings, Event, State, Window
from headworks.units import SECOND_NS

QUICK = BreakerSettings(
    window_s=10, least_calls=10, failed_share=0.5, failed_in_a_row=4, slow_s=1.0, slow_share=0.5, open_s=5.0,
    longest_open_s=20.0, longest_bench_s=60.0, probes=2, proofs=2,
)  # fmt: skip


def tripped(breaker, now_ns=0):
    for _ in range(QUICK.failed_in_a_row):
        breaker.failed(breaker.admit(now_ns), now_ns)
    return breaker


def test_the_tables_name_every_state_and_lead_back_to_closed():
    assert set(ON_EVENT) == set(State)
    for state in State:
        reached, seen = {state}, set()
        while reached - seen:
            seen |= reached
            reached |= {to for at in seen for to in ON_EVENT[at].values()}
            reached |= {ON_TIME[at] for at in seen if at in ON_TIME}
        assert State.CLOSED in reached
    assert {event for table in ON_EVENT.values() for event in table} == set(Event)


def test_failures_in_a_row_open_it_and_nothing_goes_through():
    breaker = tripped(Breaker(QUICK))

    assert breaker.state is State.OPEN
    assert breaker.admit(5 * SECOND_NS - 1) is None
    assert breaker.wait_ns(SECOND_NS) == 4 * SECOND_NS


def test_a_good_answer_breaks_the_row():
    breaker = Breaker(QUICK)
    for _ in range(QUICK.failed_in_a_row - 1):
        breaker.failed(breaker.admit(0), 0)
    breaker.well(breaker.admit(0), 1, 0)
    breaker.failed(breaker.admit(0), 0)

    assert breaker.state is State.CLOSED


def test_half_of_enough_calls_failing_opens_it_though_never_in_a_row():
    breaker = Breaker(QUICK)
    for number in range(QUICK.least_calls):
        given_pass = breaker.admit(0)
        if number % 2:
            breaker.failed(given_pass, 0)
        else:
            breaker.well(given_pass, 1, 0)

    assert breaker.state is State.OPEN


def test_failures_older_than_the_window_are_forgotten():
    breaker = Breaker(QUICK)
    for number in range(9):
        at_ns = number * 3 * SECOND_NS
        breaker.failed(breaker.admit(at_ns), at_ns)
        for _ in range(2):
            breaker.well(breaker.admit(at_ns), 1, at_ns)

    assert breaker.state is State.CLOSED


def test_slow_answers_open_it():
    breaker = Breaker(QUICK)
    for _ in range(QUICK.least_calls):
        breaker.well(breaker.admit(0), 2 * SECOND_NS, 0)

    assert breaker.state is State.OPEN


def test_after_its_time_it_lets_as_many_probes_through_as_set_and_closes_when_they_go_well():
    breaker = tripped(Breaker(QUICK))
    at_ns = 5 * SECOND_NS
    probes = [breaker.admit(at_ns) for _ in range(5)]
    for probe in probes[:2]:
        breaker.well(probe, 1, at_ns)

    assert [probe is not None for probe in probes] == [True, True, False, False, False]
    assert breaker.state is State.CLOSED


def test_a_failed_probe_opens_it_twice_as_long_up_to_a_bound():
    breaker, at_ns, waits_s = tripped(Breaker(QUICK)), 0, []
    for _ in range(4):
        waited_ns = breaker.wait_ns(at_ns)
        waits_s.append(waited_ns / SECOND_NS)
        at_ns += waited_ns
        breaker.failed(breaker.admit(at_ns), at_ns)

    assert waits_s == [5.0, 10.0, 20.0, 20.0]


def test_a_probe_whose_caller_left_makes_room_for_another():
    breaker = tripped(Breaker(QUICK))
    at_ns = 5 * SECOND_NS
    for _ in range(10):
        breaker.untold(breaker.admit(at_ns))

    assert breaker.admit(at_ns) is not None


def test_what_was_sent_before_it_opened_is_no_evidence_afterwards():
    breaker = Breaker(QUICK)
    early = [breaker.admit(0) for _ in range(20)]
    tripped(breaker)
    for given_pass in early:
        breaker.well(given_pass, 1, 0)
    half_open_ns = 5 * SECOND_NS
    breaker.admit(half_open_ns)
    for given_pass in early:
        breaker.failed(given_pass, half_open_ns)

    assert breaker.state is State.HALF_OPEN


def test_told_to_wait_it_lets_nothing_through_until_then_and_everything_after():
    breaker = Breaker(QUICK)
    given_pass = breaker.admit(0)
    breaker.told_to_wait(given_pass, 7.0, 0)
    breaker.told_to_wait(given_pass, 3.0, 0)

    assert breaker.admit(7 * SECOND_NS - 1) is None
    assert all(breaker.admit(7 * SECOND_NS) is not None for _ in range(100))


@pytest.mark.parametrize("said_s", [1e12, float("inf"), float("nan"), -5.0])
def test_no_wait_that_is_told_exceeds_the_bound(said_s):
    breaker = Breaker(QUICK)
    breaker.told_to_wait(breaker.admit(0), said_s, 0)

    assert breaker.admit(60 * SECOND_NS) is not None


@given(st.lists(st.tuples(st.integers(0, 3 * SECOND_NS), st.booleans(), st.booleans()), max_size=60))
def test_the_window_counts_what_its_last_slots_hold_and_nothing_else(steps):
    span_ns = 10 * SECOND_NS
    window, now_ns, seen = Window(span_ns), 100 * SECOND_NS, []
    for passed_ns, is_failed, is_slow in steps:
        now_ns += passed_ns
        window.add(now_ns, is_failed=is_failed, is_slow=is_slow)
        seen.append((now_ns // (span_ns // SLOTS), is_failed, is_slow))
        held = [(failed, slow) for slot, failed, slow in seen if slot > seen[-1][0] - SLOTS]

        assert window.calls == len(held)
        assert window.failed == sum(failed for failed, _ in held)
        assert window.slow == sum(slow for _, slow in held)


class AnyOrder(RuleBasedStateMachine):
    """Calls begin, end and are forgotten in any order, at any time."""

    passes = Bundle("passes")

    def __init__(self):
        super().__init__()
        self.breaker = Breaker(QUICK)
        self.now_ns = 0
        self.probes = []
        self.seen = self.breaker.state

    @rule(passed_ns=st.integers(0, 30 * SECOND_NS))
    def time_passes(self, passed_ns):
        self.now_ns += passed_ns

    @rule(target=passes)
    def a_call_begins(self):
        wait_ns = self.breaker.wait_ns(self.now_ns)
        given_pass = self.breaker.admit(self.now_ns)
        self._moved()
        if given_pass is None:
            assert wait_ns > 0 or len(self.probes) >= QUICK.probes
        else:
            assert wait_ns == 0
            if self.breaker.state is State.HALF_OPEN:
                self.probes.append(given_pass)
        return given_pass

    @rule(given_pass=consumes(passes), end=st.sampled_from(["well", "slow", "failed", "wait", "untold"]))
    def a_call_ends(self, given_pass, end):
        if given_pass is None:
            return
        if given_pass in self.probes:
            self.probes.remove(given_pass)
        before = self.breaker.state
        if end == "wait":
            self.breaker.told_to_wait(given_pass, 5.0, self.now_ns)
        elif end == "untold":
            self.breaker.untold(given_pass)
        elif end == "failed":
            self.breaker.failed(given_pass, self.now_ns)
        else:
            self.breaker.well(given_pass, 2 * SECOND_NS if end == "slow" else 1, self.now_ns)
        self._moved()
        if before is State.OPEN:
            assert self.breaker.state is State.OPEN, "only time ends it"

    def _moved(self):
        if self.breaker.state is not self.seen:
            allowed = set(ON_EVENT[self.seen].values()) | {ON_TIME.get(self.seen)}
            assert self.breaker.state in allowed
            self.probes.clear()
            self.seen = self.breaker.state

    @invariant()
    def probes_are_few(self):
        assert len(self.probes) <= QUICK.probes

    @invariant()
    def it_is_never_stuck(self):
        assert self.breaker.wait_ns(self.now_ns) <= QUICK.longest_bench_s * SECOND_NS


TestAnyOrder = AnyOrder.TestCase
