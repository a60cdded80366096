"""Identical calls at the same time: one runs, all are answered, each by its own deadline."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from headworks.cache.flights import Flights
from headworks.errors import (
    BudgetExhausted,
    ClientGone,
    DeadlineExceeded,
    Overloaded,
    ProviderDown,
    ProviderRefused,
    RecordUnavailable,
)
from headworks.pending import Pending
from headworks.units import SECOND_NS
from headworks.values import Outcome
from tests.fakes_providers import Time

ANSWER = Outcome(b"{}", "up/echo", "1")
LATER_NS = 10**18


class Works:
    """Hands out work that ends when told to."""

    def __init__(self):
        self.begun, self.abandoned = [], 0

    def __call__(self):
        pending = Pending()

        def leave():
            self.abandoned += 1
            pending.fail(ClientGone())

        pending.on_abandon = leave
        self.begun.append(pending)
        return pending

    @property
    def running(self):
        return [pending for pending in self.begun if not pending.is_done]


@pytest.fixture
def works():
    return Works()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def flights(time):
    return Flights(time, time)


def join(flights, works, count=1, key=b"k", deadline_ns=LATER_NS):
    return [flights.join(key, deadline_ns, works)[0] for _ in range(count)]


def test_one_runs_and_all_are_answered(flights, works):
    calls = join(flights, works, 5)
    works.begun[0].resolve(ANSWER)

    assert [call.result() for call in calls] == [ANSWER] * 5
    assert len(works.begun) == 1
    assert (flights.shared, len(flights)) == (4, 0)


def test_different_calls_do_not_wait_for_each_other(flights, works):
    join(flights, works, key=b"a")
    join(flights, works, key=b"b")

    assert len(works.running) == 2


def test_when_the_leader_leaves_its_work_is_stopped_and_the_next_one_leads(flights, works):
    leader, follower = join(flights, works, 2)
    leader.abandon()
    works.begun[1].resolve(ANSWER)

    assert isinstance(leader.error, ClientGone)
    assert works.abandoned == 1
    assert follower.result() == ANSWER


def test_a_follower_that_leaves_is_left_out(flights, works):
    leader, follower, other = join(flights, works, 3)
    follower.abandon()
    works.begun[0].resolve(ANSWER)

    assert isinstance(follower.error, ClientGone)
    assert (leader.result(), other.result()) == (ANSWER, ANSWER)
    assert len(works.begun) == 1


@pytest.mark.parametrize("error", [ProviderDown(), ProviderRefused(), RuntimeError()])
def test_a_failure_of_the_target_is_everybodys(flights, works, error):
    calls = join(flights, works, 3)
    works.begun[0].fail(error)

    assert [call.error for call in calls] == [error] * 3
    assert len(flights) == 0


@pytest.mark.parametrize("error", [DeadlineExceeded(), BudgetExhausted(), Overloaded(), RecordUnavailable()])
def test_a_failure_of_the_leaders_own_makes_the_next_one_lead(flights, works, error):
    leader, follower = join(flights, works, 2)
    works.begun[0].fail(error)
    works.begun[1].resolve(ANSWER)

    assert leader.error is error
    assert follower.result() == ANSWER


def test_each_waits_no_longer_than_its_own_deadline(flights, works, time):
    leader = join(flights, works)[0]
    hasty = join(flights, works, deadline_ns=time.monotonic_ns() + SECOND_NS)[0]
    patient = join(flights, works)[0]
    time.advance(1.5)
    works.begun[0].resolve(ANSWER)

    assert isinstance(hasty.error, DeadlineExceeded)
    assert (leader.result(), patient.result()) == (ANSWER, ANSWER)


def test_a_thousand_leaders_that_fail_at_once_need_no_deep_stack(flights):
    works, calls = [], []

    def fails():
        pending = Pending()
        pending.fail(BudgetExhausted())
        works.append(pending)
        return pending

    first = Works()
    calls += join(flights, first)
    calls += join(flights, fails, 3000)
    first.begun[0].fail(BudgetExhausted())

    assert all(isinstance(call.error, BudgetExhausted) for call in calls)
    assert (len(works), len(flights)) == (3000, 0)


def test_a_stream_is_the_leaders_alone(flights, works):
    leader, follower = join(flights, works, 2)
    works.begun[0].resolve(Outcome(b"", "up/echo", "1", stream=object()))

    assert leader.result().stream is not None
    assert not follower.is_done
    assert len(works.running) == 1


def test_no_timer_is_left_behind(flights, works, time):
    calls = join(flights, works, 4)
    calls[2].abandon()
    works.begun[0].resolve(ANSWER)

    assert time.waiting() == 0


class AnyOrder(RuleBasedStateMachine):
    """Calls of three kinds join, leave, end and run out of time in any order."""

    calls = Bundle("calls")

    def __init__(self):
        super().__init__()
        self.time, self.works = Time(), {key: Works() for key in (b"a", b"b", b"c")}
        self.flights = Flights(self.time, self.time)
        self.waiting = []

    @rule(target=calls, key=st.sampled_from([b"a", b"b", b"c"]), left_s=st.integers(1, 20))
    def one_joins(self, key, left_s):
        deadline_ns = self.time.now_ns + left_s * SECOND_NS
        pending, is_leader = self.flights.join(key, deadline_ns, self.works[key])
        self.waiting.append((key, pending, deadline_ns, is_leader))
        return pending

    @rule(pending=calls)
    def one_leaves(self, pending):
        pending.abandon()

    @rule(key=st.sampled_from([b"a", b"b", b"c"]), error=st.sampled_from([None, ProviderDown(), Overloaded()]))
    def the_work_ends(self, key, error):
        for running in self.works[key].running[:1]:
            if error is None:
                running.resolve(Outcome(key, "up/echo", "1"))
            else:
                running.fail(error)

    @rule(passed_s=st.integers(0, 10))
    def time_passes(self, passed_s):
        self.time.advance(passed_s)

    @invariant()
    def at_most_one_runs_of_each_kind(self):
        assert all(len(works.running) <= 1 for works in self.works.values())

    @invariant()
    def whoever_waits_has_somebody_running_for_it(self):
        for key, works in self.works.items():
            has_waiting = any(not pending.is_done for each, pending, _, _ in self.waiting if each == key)
            assert has_waiting == bool(works.running)

    @invariant()
    def nobody_is_given_anothers_answer(self):
        for key, pending, _, _ in self.waiting:
            if pending.is_done and pending.error is None:
                assert pending.result().body == key

    @invariant()
    def no_follower_waits_past_its_deadline(self):
        for key, pending, deadline_ns, is_leader in self.waiting:
            if not pending.is_done and deadline_ns <= self.time.now_ns and not is_leader:
                seats = self.flights._flights[key]
                assert all(seat.mine is not pending for seat in seats)

    @invariant()
    def nothing_is_kept_of_flights_that_are_over(self):
        assert len(self.flights) == sum(bool(works.running) for works in self.works.values())


TestAnyOrder = AnyOrder.TestCase
