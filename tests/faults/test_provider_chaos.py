"""Many calls at once at an upstream that does everything wrong, with callers that leave: nothing leaks, nobody gets another's answer."""

import random
from collections import Counter

import pytest
from msgspec import json

from headworks.errors import ClientGone, DeadlineExceeded, HeadworksError, Overloaded, ProviderError, ProviderRefused
from headworks.targets.providers.breaker import BreakerSettings
from headworks.targets.providers.health import Health
from headworks.targets.providers.hold import HoldPolicy
from headworks.targets.providers.http.settings import Timeouts
from headworks.targets.providers.retry import RetryPolicy
from headworks.targets.providers.target import ProviderTarget, TargetPolicy
from tests.chaos_upstream import HalfCloses, Raw, RealWorld
from tests.fakes_providers import (
    CONTRACT,
    DONE,
    EVENTS,
    EchoKey,
    FakeWorld,
    Opened,
    Resets,
    Says,
    Stalls,
    Tells,
    bound,
    busy,
    make_call,
)
from tests.heavy import times

GOOD = [Says(), Says(after_s=0.003), Tells(), Tells(gap_s=0.001)]
BAD = [
    Resets(), Stalls(), Says(500), Says(200, b"}{"), Says(401), busy(0.01), busy(0.002),
    Tells((EVENTS[0],), then="reset"), Tells(EVENTS[:2], then="reset"), Tells(EVENTS[:2], then="stall"),
    Tells((*EVENTS[:2], b"data: {tr", DONE)),
]  # fmt: skip
ON_A_SOCKET = [Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), Raw(b"\x00\x01"), HalfCloses()]
SHORT = Timeouts(connect_s=0.2, first_byte_s=0.1, idle_s=0.1, total_s=0.3)
POLICY = TargetPolicy(
    SHORT, RetryPolicy(attempts=3, resends_unsure=True, backoff_s=0.01), HoldPolicy(first_content_s=0.1)
)
EXPECTED = (ProviderError, ProviderRefused, DeadlineExceeded, ClientGone, Overloaded)
AT_ONCE = 24


class Caller:
    """One call and what becomes of it: it may leave, and reads a stream to its end."""

    def __init__(self, number, world, target, opened, rng):
        self.nonce = f"nonce-{number}"
        self.left_in = rng.choice([None, None, None, 0, 1, 3])
        is_stream = rng.random() < 0.4
        call = make_call(
            world.clock,
            json.encode(self.nonce),
            timeout_s=rng.choice([0.02, 0.5, 2.0]),
            media="text/event-stream" if is_stream else "application/json",
        )
        self.stream = None
        self.end = None
        self.waiting = target.start(call, "k1", call.deadline_ns, opened)

    def look(self):
        """Go on as far as possible; leave when the time has come."""
        if self.left_in is not None:
            self.left_in -= 1
            if self.left_in < 0:
                return self._leave()
        while self.end is None and self.waiting.is_done:
            self._take(self.waiting)
        return self.end

    def _take(self, done):
        if done.error is not None:
            self.end = done.error
        elif self.stream is None and (stream := done.result().stream) is not None:
            self.stream = stream
            self.waiting = stream.next()
        elif self.stream is None:
            self.end = json.decode(done.result().body)["label"]
        elif done.result() is None:
            self.end = "streamed"
        else:
            self.waiting = self.stream.next()

    def _leave(self):
        self.waiting.abandon()
        if self.stream is None and self.waiting.is_done and self.waiting.error is None:
            stream = self.waiting.result().stream
            if stream is not None:
                stream.cancel()
        if self.stream is not None:
            self.stream.cancel()
        self.end = ClientGone()
        return self.end


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("made", "calls"),
    [
        pytest.param(FakeWorld, times(10_000, 100_000), id="scripted"),
        pytest.param(RealWorld, times(1_500, 15_000), id="real"),
    ],
)
def test_a_storm_of_faults_and_departures_leaks_nothing_and_mixes_up_nobody(made, calls):
    rng, world, ends = random.Random(1), made(), Counter()
    world.client.echoes = True
    opened = Opened(world.client)
    plays = [
        rng.choice(GOOD if rng.random() < 0.8 else [*BAD, *(ON_A_SOCKET if made is RealWorld else [])])
        for _ in range(8 * calls)
    ]
    world.plays(*plays)
    quick = BreakerSettings(failed_share=0.95, failed_in_a_row=30, open_s=0.05, longest_open_s=0.1)
    health = Health(quick, BreakerSettings(failed_in_a_row=1, open_s=0.001, longest_open_s=0.002, probes=4, proofs=1))
    target = ProviderTarget(
        "up/echo",
        "echo/echo-1",
        bound(world, EchoKey("a"), EchoKey("b")),
        CONTRACT.reply,
        health,
        world.tools(),
        POLICY,
    )
    callers, number = [], 0
    while number < calls or callers:
        while len(callers) < AT_ONCE and number < calls:
            callers.append(Caller(number, world, target, opened, rng))
            number += 1
        world.turn()
        for caller in [caller for caller in callers if caller.look() is not None]:
            callers.remove(caller)
            ends[_kind(caller)] += 1
    world.settle()
    held, standing, state = dict(world.money.held), world.client.open_connections, target.state()
    settled = len(world.money.settled) + world.money.freed
    world.close()

    assert ends["foreign"] == 0
    assert ends["unexpected"] == 0
    assert ends["answered"] > calls / 20
    assert ends["streamed"] > calls / 50
    assert held == {}
    assert (standing, state.running) == (0, 0)
    assert len(opened.settlements) == settled >= len(opened.reservations) >= world.sent()


def _kind(caller):
    if isinstance(caller.end, str):
        if caller.end == "streamed":
            return "streamed"
        return "answered" if caller.end == caller.nonce else "foreign"
    return (
        type(caller.end).__name__
        if isinstance(caller.end, EXPECTED) and isinstance(caller.end, HeadworksError)
        else "unexpected"
    )
