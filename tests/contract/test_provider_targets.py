"""What a target outside does, whether its client is scripted or real: the right error, in time, everything given back."""

import gzip

import pytest

from headworks.errors import (
    DeadlineExceeded,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from headworks.targets.providers.breaker import BreakerSettings
from headworks.targets.providers.health import Health
from headworks.targets.providers.hold import HoldPolicy
from headworks.targets.providers.http.settings import Timeouts
from headworks.targets.providers.retry import RetryPolicy
from headworks.targets.providers.target import ProviderTarget, TargetPolicy
from headworks.units import SECOND_NS
from tests.chaos_upstream import Drips, HalfCloses, Raw, RealWorld
from tests.fakes_providers import (
    CANARY,
    CONTRACT,
    EVENTS,
    GOOD,
    EchoKey,
    FakeWorld,
    Opened,
    Refuses,
    Resets,
    Says,
    Stalls,
    Tells,
    bound,
    busy,
    make_call,
)

ROLE, FIRST, SECOND, USED = EVENTS
FAILS = b'data: {"error": "' + CANARY.encode() + b'"}\n\n'
TEXTS = [b'{"role": "me"}', b'{"text": "a"}', b'{"text": "b"}']
SHORT = Timeouts(connect_s=0.5, first_byte_s=0.4, idle_s=0.4, total_s=1.2)
POLICY = TargetPolicy(SHORT, RetryPolicy(backoff_s=0.05), HoldPolicy(first_content_s=0.5))
SLACK_S = {FakeWorld: 0.5, RealWorld: 5.0}
"""How far a call may outlast its deadline: a loop of this process may stand still while others run."""

PACKED = gzip.compress(bytes(80 * 2**20), 6)
BOMB = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(PACKED), PACKED)
GZIP_NOT = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope"


@pytest.fixture(params=[FakeWorld, RealWorld], ids=["scripted", "real"])
def world(request):
    made = request.param()
    made.opened = Opened(made.client)
    yield made
    made.settle()
    held, left = made.money.held, made.client.open_connections
    made.close()
    assert held == {}, "every reservation is settled or freed"
    assert left == 0, "no connection carries a call that is over"


@pytest.fixture
def real():
    made = RealWorld()
    made.opened = Opened(made.client)
    yield made
    made.settle()
    held = made.money.held
    made.close()
    assert held == {}


def target_of(world, *keys, policy=POLICY):
    health = Health(BreakerSettings())
    return ProviderTarget("up/echo", "echo/echo-1", bound(world, *keys), CONTRACT.reply, health, world.tools(), policy)


def ask(world, *keys, media="application/json", timeout_s=3.0, is_last=True, policy=POLICY):
    call = make_call(world.clock, timeout_s=timeout_s, media=media)
    deadline_ns = call.deadline_ns if is_last else call.deadline_ns - 1
    pending = world.wait(target_of(world, *keys, policy=policy).start(call, "k1", deadline_ns, world.opened))

    assert world.clock.monotonic_ns() <= call.deadline_ns + SLACK_S[type(world)] * SECOND_NS
    return pending


def drained(world, stream):
    events = []
    while True:
        pending = world.wait(stream.next())
        if pending.error is not None:
            return events, pending.error
        if (event := pending.result()) is None:
            return events, None
        events.append(event)


def test_a_good_answer(world):
    world.plays(Says(after_s=0.05))

    assert ask(world).result().body == GOOD
    assert world.money.settled[0].output_tokens == 7


@pytest.mark.parametrize(
    ("plays", "error"),
    [
        (Says(400, CANARY.encode()), ProviderRefused),
        (Says(401, CANARY.encode()), ProviderKeyRejected),
        (busy(1), ProviderBusy),
        (Says(500, CANARY.encode()), ProviderDown),
        (Resets(), ProviderDown),
        (Refuses(), ProviderUnreachable),
        (Stalls(), ProviderTimeout),
        (Says(200, b"not json"), ProviderBroken),
        (Says(200, b""), ProviderBroken),
        (Says(200, b'{"error": "' + CANARY.encode() + b'"}'), ProviderBusy),
        (Tells((b'{"label": ',), then="stall"), ProviderTimeout),
    ],
)
def test_each_fault_is_its_own_error_and_tells_nothing_of_the_providers_text(world, plays, error):
    world.plays(plays)
    failed = ask(world, is_last=False).error

    assert type(failed) is error
    assert CANARY not in failed.detail


def test_the_callers_deadline_ends_a_silent_provider(world):
    world.plays(Stalls())

    assert type(ask(world, timeout_s=0.2).error) is DeadlineExceeded


def test_busy_keys_are_followed_by_the_next_and_a_broken_answer_is_asked_for_once_more(world):
    world.plays(busy(60), Says(200, b"}{"), Says())

    assert ask(world, EchoKey("a"), EchoKey("b")).result().body == GOOD
    assert world.keys_used() == ["a", "b", "b"]


def test_a_storm_of_refusals_for_load_ends_within_the_deadline(world):
    world.plays(busy(0.3))

    assert type(ask(world, EchoKey("a"), EchoKey("b")).error) is ProviderBusy
    assert world.sent() <= 8


def test_a_stream_event_by_event(world):
    world.plays(Tells(gap_s=0.02))
    stream = ask(world, media="text/event-stream").result().stream

    assert drained(world, stream) == (TEXTS, None)
    assert stream.billed() == (world.money.settled[0], 90)


@pytest.mark.parametrize(
    ("plays", "error"),
    [
        (Tells((ROLE, FAILS)), ProviderBusy),
        (Tells((ROLE,)), ProviderBroken),
        (Tells((ROLE,), then="reset"), ProviderDown),
        (Tells((ROLE,), then="stall"), ProviderTimeout),
        (Tells((b"<html>" + CANARY.encode() + b"\n\n",)), ProviderBroken),
        (Says(401, CANARY.encode()), ProviderKeyRejected),
    ],
)
def test_a_stream_that_fails_before_content_is_an_ordinary_error(world, plays, error):
    world.plays(plays)
    failed = ask(
        world, media="text/event-stream", is_last=False, policy=TargetPolicy(SHORT, RetryPolicy(attempts=1))
    ).error

    assert type(failed) is error
    assert CANARY not in failed.detail


@pytest.mark.parametrize(
    ("plays", "error"),
    [
        (Tells((ROLE, FIRST, FAILS)), ProviderBusy),
        (Tells((ROLE, FIRST)), ProviderBroken),
        (Tells((ROLE, FIRST), then="reset"), ProviderDown),
        (Tells((ROLE, FIRST), then="stall"), ProviderTimeout),
    ],
)
def test_a_stream_that_fails_after_content_ends_with_its_error_and_nobody_else_is_asked(world, plays, error):
    world.plays(plays, Tells())
    events, failed = drained(world, ask(world, EchoKey("a"), EchoKey("b"), media="text/event-stream").result().stream)

    assert events == TEXTS[:2]
    assert type(failed) is error
    assert world.sent() == 1


def test_a_caller_who_leaves_a_stream_closes_its_connection(world):
    world.plays(Tells((ROLE, FIRST), then="stall"))
    stream = ask(world, media="text/event-stream").result().stream
    stream.next()
    stream.cancel()
    world.settle()  # another connection may be made in its place

    assert world.client.open_connections == 0


@pytest.mark.parametrize("media", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("plays", "error"),
    [
        (HalfCloses(), ProviderDown),
        (Drips(), ProviderTimeout),
        (Raw(b""), ProviderDown),
        (Raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), ProviderBroken),
        (Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"), ProviderBroken),
        (Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), ProviderBroken),
        (Raw(GZIP_NOT), ProviderBroken),
        (Raw(BOMB), ProviderBroken),
    ],
)
def test_what_only_a_socket_can_do_is_an_error_of_its_kind(real, plays, error, media):
    real.plays(plays)
    failed = ask(real, media=media, is_last=False, policy=TargetPolicy(SHORT, RetryPolicy(attempts=1))).error

    assert type(failed) is error


@pytest.mark.parametrize("media", ["application/json", "text/event-stream"])
def test_a_call_whose_deadline_passes_while_it_waits_for_a_connection_costs_nothing(real, media):
    real.keep_at_most(1)
    real.plays(Stalls())
    target = target_of(real)
    first = target.start(make_call(real.clock, timeout_s=3.0), "k1", 2**62, real.opened)
    real.turn()
    late = make_call(real.clock, timeout_s=0.2, media=media)
    failed = real.wait(target.start(late, "k1", late.deadline_ns, real.opened)).error

    assert type(failed) is DeadlineExceeded
    assert not first.is_done
    assert (real.money.freed, real.opened.settlements) == (1, [(2, 0)])
    first.abandon()
    assert real.opened.settlements == [(2, 0), (1, None)]


def test_a_call_that_is_given_up_while_it_waits_for_a_connection_costs_nothing(real):
    real.keep_at_most(1)
    real.plays(Stalls())
    target = target_of(real)
    first, queued = (target.start(make_call(real.clock), "k1", 2**62, real.opened) for _ in range(2))
    real.turn()
    queued.abandon()

    assert real.opened.settlements == [(2, 0)]
    first.abandon()
