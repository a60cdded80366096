"""A slow call that is sent a second time."""

import pytest

from headworks.errors import ProviderDown, ProviderUnavailable
from headworks.pending import Pending
from headworks.targets.providers.hedge import HedgePolicy, Hedging
from headworks.targets.providers.hedged import Hedged, Race
from headworks.units import MILLISECOND_NS, SECOND_NS
from headworks.values import Outcome
from tests.fakes_providers import Time, make_call


class Member:
    """Answers after a while what it is told to, and remembers who left."""

    def __init__(self, name, time, *, takes_s=0.01, error=None, aside_ns=0):
        self.name, self.time, self.takes_s, self.error, self.aside_ns = name, time, takes_s, error, aside_ns
        self.started, self.left, self.stopped = 0, 0, 0

    def start(self, call, caller_id, deadline_ns, opening):
        self.started += 1
        pending = Pending()

        def leave():
            self.left += 1

        pending.on_abandon = leave
        answer = Outcome(b"{}", self.name, "1", stream=self)
        self.time.call_later(
            self.takes_s, lambda: pending.fail(self.error) if self.error is not None else pending.resolve(answer)
        )
        return pending

    def cancel(self):
        self.stopped += 1

    def predicted_wait_ns(self, rows):
        return 0

    def set_aside_ns(self):
        return self.aside_ns


@pytest.fixture
def time():
    return Time()


def ask(target, time, timeout_s=10.0):
    call = make_call(time, timeout_s=timeout_s)
    pending = target.start(call, "k1", call.deadline_ns, None)
    while not pending.is_done and time.step():
        pass
    return pending


def hedged(time, first, second, policy=None):
    hedging = Hedging(policy or HedgePolicy(share=0.5, least_seen=1, least_delay_ms=0))
    hedging.observe(50 * MILLISECOND_NS)
    return Hedged(first, second, hedging, time, time)


def test_a_quick_call_is_sent_once(time):
    first, second = Member("first", time, takes_s=0.04), Member("second", time)

    assert ask(hedged(time, first, second), time).result().target == "first"
    assert second.started == 0


def test_a_slow_call_is_sent_again_and_the_slower_copy_abandoned(time):
    first, second = Member("first", time, takes_s=5.0), Member("second", time, takes_s=0.01)
    target = hedged(time, first, second)
    for _ in range(2):
        target._hedging.began()
    began_ns = time.monotonic_ns()

    assert ask(target, time).result().target == "second"
    assert time.monotonic_ns() - began_ns < SECOND_NS // 10
    assert (first.left, second.left) == (1, 0)


def test_the_first_copy_still_counts_when_it_comes_first_or_the_second_fails(time):
    first = Member("first", time, takes_s=0.06)
    late = hedged(time, first, Member("second", time, takes_s=9.0))
    failing = hedged(time, first, Member("second", time, takes_s=0.001, error=ProviderDown()))
    for target in (late, failing):
        target._hedging.began()

        assert ask(target, time).result().target == "first"


def test_when_both_copies_fail_the_firsts_failure_is_told(time):
    first = Member("first", time, takes_s=0.06, error=ProviderDown())
    target = hedged(time, first, Member("second", time, takes_s=0.001, error=ProviderUnavailable()))
    target._hedging.began()

    assert isinstance(ask(target, time).error, ProviderDown)


def test_of_two_streams_that_are_there_at_once_one_is_stopped(time):
    members = Member("first", time), Member("second", time)
    copies = [Pending(), Pending()]
    for copy, member in zip(copies, members, strict=True):
        copy.resolve(Outcome(b"", member.name, "1", stream=member))

    assert Race(*copies).result.result().target == "first"
    assert [member.stopped for member in members] == [0, 1]


def test_no_more_than_the_share_of_calls_is_sent_twice(time):
    first, second = Member("first", time, takes_s=1.0), Member("second", time, takes_s=1.0)
    target = hedged(time, first, second, HedgePolicy(share=0.1, least_seen=1, least_delay_ms=0))
    for _ in range(100):
        target._hedging._delay_ns = 50 * MILLISECOND_NS
        ask(target, time).result()

    assert second.started in {9, 10}


def test_whoever_stops_waiting_abandons_both_copies(time):
    first, second = Member("first", time, takes_s=5.0), Member("second", time, takes_s=5.0)
    target = hedged(time, first, second)
    target._hedging.began()
    pending = target.start(make_call(time), "k1", 2**62, None)
    time.advance(0.1)
    pending.abandon()

    assert (first.left, second.left) == (1, 1)


def test_the_loser_is_given_up_before_the_winner_is_told():
    order, copies = [], [Pending(), Pending()]
    copies[0].on_abandon = lambda: order.append("given up")
    race = Race(*copies)
    race.result.when_done(lambda: order.append("told"))
    copies[1].resolve(Outcome(b"{}", "second", "1"))

    assert order == ["given up", "told"]
