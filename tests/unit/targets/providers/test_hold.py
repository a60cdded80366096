"""Streams of a target outside: held until there is content, never broken silently, never two providers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from headworks.costs import Usage
from headworks.errors import (
    DeadlineExceeded,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderTimeout,
)
from headworks.targets.providers.breaker import BreakerSettings, State
from headworks.targets.providers.health import Health
from headworks.targets.providers.hold import HoldPolicy
from headworks.targets.providers.retry import RetryPolicy
from headworks.targets.providers.target import ProviderTarget, TargetPolicy
from headworks.units import SECOND_NS
from tests.fakes_providers import (
    CANARY,
    CONTRACT,
    DONE,
    EVENTS,
    QUICK,
    EchoKey,
    FakeWorld,
    Opened,
    Says,
    Stalls,
    Tells,
    bound,
    make_call,
)

QUICKLY = TargetPolicy(QUICK)
ROLE, FIRST, SECOND, USED = EVENTS
FAILS = b'data: {"error": "' + CANARY.encode() + b'"}\n\n'
TEXTS = [b'{"role": "me"}', b'{"text": "a"}', b'{"text": "b"}']


class House(FakeWorld):
    """One target that streams."""

    def __init__(self):
        super().__init__()
        self.opened = Opened(self.client)

    def target(self, *keys, policy=QUICKLY):
        reply, health = CONTRACT.reply, Health(BreakerSettings())
        return ProviderTarget("up/echo", "echo/echo-1", bound(self, *keys), reply, health, self.tools(), policy)

    def ask(self, target=None, deadline_ns=None):
        call = make_call(self.clock, media="text/event-stream")
        return self.wait((target or self.target()).start(call, "k1", deadline_ns or call.deadline_ns, self.opened))

    def drained(self, stream):
        """Every event, then the error it ended with."""
        events = []
        while True:
            pending = self.wait(stream.next())
            if pending.error is not None:
                return events, pending.error
            if (event := pending.result()) is None:
                return events, None
            events.append(event)


@pytest.fixture
def house():
    made = House()
    yield made
    assert made.money.held == {}
    assert made.client.open_connections == 0


def test_events_come_as_they_are_and_their_use_is_known_at_the_end(house):
    house.plays(Tells(gap_s=0.1))
    target = house.target()
    outcome = house.ask(target).result()
    before = outcome.stream.billed()
    events, error = house.drained(outcome.stream)

    assert (events, error) == (TEXTS, None)
    assert before == (None, None)
    assert outcome.stream.billed()[0].output_tokens == 9
    assert outcome.stream.billed()[1] == 90
    assert outcome.model_version == "echo-1-june"


def test_a_count_in_a_stream_that_cannot_be_true_is_an_unknown_one(house):
    house.plays(Tells((ROLE, FIRST, SECOND, USED.replace(b"9", b"-9"), DONE)))
    outcome = house.ask().result()
    events, error = house.drained(outcome.stream)

    assert (events, error) == (TEXTS, None)
    assert outcome.stream.billed() == (None, None)


@pytest.mark.parametrize("then", ["stall", "reset", "left"])
def test_what_a_stream_told_of_its_use_before_it_broke_off_is_not_what_it_cost(house, then):
    house.plays(Tells((ROLE, USED, FIRST, SECOND), then="stall" if then == "left" else then))
    stream = house.ask().result().stream
    if then == "left":
        house.wait(stream.next())
        stream.cancel()
    else:
        house.drained(stream)

    assert house.money.settled == [None]
    assert stream.billed() == (Usage(output_tokens=9), None)


def test_a_stream_is_given_with_its_first_content_and_not_before(house):
    house.plays(Tells(gap_s=0.5))
    began_ns = house.clock.monotonic_ns()
    outcome = house.ask().result()

    assert house.clock.monotonic_ns() - began_ns == pytest.approx(SECOND_NS, rel=0.01)
    house.drained(outcome.stream)


@given(st.lists(st.integers(1, 200), max_size=30))
def test_the_events_are_the_same_however_the_bytes_are_cut(cuts):
    house, whole = House(), b"".join((*EVENTS, DONE))
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(whole[at : at + cut])
        at += cut
    pieces.append(whole[at:])
    house.plays(Tells(tuple(piece for piece in pieces if piece)))

    assert house.drained(house.ask().result().stream) == (TEXTS, None)


@pytest.mark.parametrize(
    ("plays", "error"),
    [
        (Says(401, CANARY.encode()), ProviderKeyRejected),
        (Says(429, CANARY.encode()), ProviderBusy),
        (Tells((ROLE, FAILS)), ProviderBusy),
        (Tells((b"<html>" + CANARY.encode() + b"\n\n",)), ProviderBroken),
        (Tells((ROLE,)), ProviderBroken),
        (Tells((ROLE,), then="reset"), ProviderDown),
        (Tells((ROLE,), then="stall"), ProviderTimeout),
        (Stalls(), ProviderTimeout),
        (Tells((), then="stall", status=500), ProviderTimeout),
        (Tells((b"x" * 40_000,) * 3, status=500), ProviderBroken),
    ],
)
def test_what_fails_before_the_first_content_is_an_ordinary_error(house, plays, error):
    house.plays(plays)
    call = make_call(house.clock)
    policy = TargetPolicy(
        structs.replace(QUICK, first_byte_s=3.0), RetryPolicy(attempts=1), HoldPolicy(first_content_s=3.0)
    )
    failed = house.ask(house.target(policy=policy), deadline_ns=call.deadline_ns - 1).error

    assert type(failed) is error
    assert CANARY not in failed.detail


def test_what_fails_before_the_first_content_is_tried_again_with_another_key(house):
    house.plays(Tells((ROLE, FAILS)), Tells())
    events, error = house.drained(house.ask(house.target(EchoKey("a"), EchoKey("b"))).result().stream)

    assert (events, error) == (TEXTS, None)
    assert house.keys_used() == ["a", "b"]


@pytest.mark.parametrize(
    ("plays", "error"),
    [
        (Tells((ROLE, FIRST, FAILS)), ProviderBusy),
        (Tells((ROLE, FIRST), then="reset"), ProviderDown),
        (Tells((ROLE, FIRST), then="stall"), ProviderTimeout),
        (Tells((ROLE, FIRST)), ProviderBroken),
        (Tells((ROLE, FIRST, b"data: {tr")), ProviderBroken),
        (Tells((ROLE, FIRST, b"\xff\x00\n\n")), ProviderBroken),
    ],
)
def test_what_fails_after_it_ends_the_stream_with_its_error_and_no_other_attempt(house, plays, error):
    house.plays(plays, Tells())
    events, failed = house.drained(house.ask(house.target(EchoKey("a"), EchoKey("b"))).result().stream)

    assert events == TEXTS[:2]
    assert type(failed) is error
    assert CANARY not in failed.detail
    assert house.sent() == 1
    assert house.money.settled == [None], "what it used is not known, so all that was set aside is kept"


def test_an_error_stays_the_end_however_often_it_is_asked_for(house):
    house.plays(Tells((FIRST,), then="reset"))
    stream = house.ask().result().stream
    house.drained(stream)

    assert isinstance(house.wait(stream.next()).error, ProviderDown)


def test_silence_is_let_go_after_the_time_to_hold_so_that_it_can_be_kept_alive(house):
    house.plays(Tells((ROLE, FIRST, DONE), gap_s=1.5))
    policy = TargetPolicy(QUICK, hold=HoldPolicy(hold_s=2.0))
    began_ns = house.clock.monotonic_ns()
    outcome = house.ask(house.target(policy=policy)).result()
    waited_s = (house.clock.monotonic_ns() - began_ns) / SECOND_NS

    assert waited_s == pytest.approx(2.0, rel=0.01)
    assert house.drained(outcome.stream) == (TEXTS[:2], None)


def test_no_content_within_its_time_ends_even_a_stream_that_was_let_go(house):
    house.plays(Tells((ROLE,) * 100, gap_s=1.0))
    policy = TargetPolicy(structs.replace(QUICK, total_s=100.0), hold=HoldPolicy(hold_s=2.0, first_content_s=5.0))
    began_ns = house.clock.monotonic_ns()
    _, error = house.drained(house.ask(house.target(policy=policy)).result().stream)

    assert isinstance(error, ProviderTimeout)
    assert house.clock.monotonic_ns() - began_ns == pytest.approx(5 * SECOND_NS, rel=0.01)


@pytest.mark.parametrize("policy", [HoldPolicy(most_pieces=5), HoldPolicy(most_bytes=60)])
def test_no_more_than_its_bound_is_held(house, policy):
    house.plays(Tells((*(ROLE,) * 50, FIRST, DONE), gap_s=0.01))
    outcome = house.ask(house.target(policy=TargetPolicy(QUICK, hold=policy))).result()
    held_events = len(outcome.stream._events)
    outcome.stream.cancel()

    assert held_events == 5


def test_the_callers_deadline_holds_until_the_first_content_and_not_beyond(house):
    house.plays(Tells((ROLE, *[FIRST] * 6, DONE), gap_s=0.9))
    late = house.ask(deadline_ns=house.clock.monotonic_ns() + SECOND_NS).error
    in_time = house.ask(deadline_ns=house.clock.monotonic_ns() + 2 * SECOND_NS).result()

    assert isinstance(late, DeadlineExceeded)
    assert len(house.drained(in_time.stream)[0]) == 7


def test_a_caller_who_leaves_closes_the_connection(house):
    house.plays(Tells(gap_s=0.1))
    stream = house.ask().result().stream
    waiting = stream.next()
    stream.cancel()
    house.time.advance(1)

    assert house.client.open_connections == 0
    assert house.money.settled == [None]
    assert not waiting.is_done or waiting.result() is not None


def test_streams_that_break_after_content_set_the_model_aside_too(house):
    house.plays(Tells((FIRST,), then="reset"))
    target = house.target()
    for _ in range(20):
        pending = house.ask(target)
        if pending.error is None:
            house.drained(pending.result().stream)

    assert target.state().model is State.OPEN


def test_the_provider_is_read_no_faster_than_the_caller_takes(house):
    house.plays(Tells((FIRST, *[SECOND] * 1000, DONE)))
    source_left = house.ask().result()
    stream = source_left.stream
    for _ in range(10):
        house.wait(stream.next())
    unread = len(stream._up.source._left)
    stream.cancel()

    assert unread >= 990
