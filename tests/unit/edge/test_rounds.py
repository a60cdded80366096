"""How long requests waited unread, and connections that are not read for a while."""

import asyncio
import socket
import sys
import time

import pytest
import uvloop

from headworks.edge.rounds import HOLD_S, LATER_ROUNDS, NO_WAIT, SHORT_NS, Rounds, Wait, is_too_late, unread_ns
from headworks.units import MILLISECOND_NS, SECOND_NS


class World:
    """A clock and a scheduler that are turned by hand."""

    def __init__(self):
        self.now_ns = 1
        self.soon = []
        self.later = []

    def call_soon(self, callback):
        self.soon.append(callback)

    def call_later(self, delay, callback):
        self.later.append((delay, callback))


class FakeTransport:
    def __init__(self):
        self.is_read = True
        self.is_gone = False
        self.unread_ms = 0

    def get_extra_info(self, name):
        return self

    def getsockopt(self, level, name, size):
        return bytes(52) + self.unread_ms.to_bytes(4, sys.byteorder)

    def is_closing(self):
        return self.is_gone

    def pause_reading(self):
        self.is_read = False

    def resume_reading(self):
        self.is_read = True


@pytest.fixture
def world():
    return World()


@pytest.fixture
def rounds(world):
    return Rounds(world, lambda: world.now_ns)


def wait(rounds, now_ns, *, unread_ms=0, is_unsure=False):
    transport = FakeTransport()
    transport.unread_ms = unread_ms
    return rounds.wait(transport, now_ns, is_unsure=is_unsure)


def test_an_answer_takes_as_many_rounds_as_long_as_the_present_one(world, rounds):
    waits = [wait(rounds, SECOND_NS), wait(rounds, SECOND_NS + SHORT_NS)]

    assert waits == [NO_WAIT, Wait(SHORT_NS, LATER_ROUNDS * SHORT_NS)]
    assert len(world.soon) == 1


def test_a_round_that_follows_at_once_is_foreseen_to_last_as_long_as_the_one_before(world, rounds):
    wait(rounds, SECOND_NS)
    world.now_ns = SECOND_NS + 40 * MILLISECOND_NS
    world.soon.pop()()
    at_once = wait(rounds, world.now_ns + 1)
    world.soon.pop()()
    later = wait(rounds, 3 * SECOND_NS)

    assert (at_once, later) == (Wait(20 * MILLISECOND_NS, LATER_ROUNDS * 40 * MILLISECOND_NS), NO_WAIT)


def test_what_may_have_stood_there_is_asked_for_however_short_the_rounds_are(rounds):
    assert wait(rounds, SECOND_NS, unread_ms=900, is_unsure=True).unread_ns == 900 * MILLISECOND_NS


def test_a_refused_connection_is_not_read_for_a_while_but_by_its_retry_after_and_not_with_all_others(world, rounds):
    transports = [FakeTransport() for _ in range(100)]
    for transport in transports:
        rounds.hold(transport)
    delays = [delay for delay, _ in world.later]
    held = rounds.held, [transport.is_read for transport in transports]
    for _, read_again in world.later:
        read_again()

    assert held == (100, [False] * 100)
    assert HOLD_S / 2 < min(delays) < max(delays) <= HOLD_S
    assert (rounds.held, [transport.is_read for transport in transports]) == (0, [True] * 100)


def test_a_connection_that_closed_meanwhile_is_left_alone(world, rounds):
    transport = FakeTransport()
    rounds.hold(transport)
    transport.is_gone = True
    world.later.pop()[1]()

    assert not transport.is_read
    assert rounds.held == 0


def test_without_a_loop_of_our_own_nothing_is_measured():
    rounds = Rounds(None, lambda: 0)

    assert [wait(rounds, now_ns, unread_ms=5, is_unsure=True) for now_ns in (100, 10**9)] == [NO_WAIT, NO_WAIT]


def test_the_loop_may_take_half_of_a_deadline():
    assert not is_too_late(Wait(30, 20), 100)
    assert is_too_late(Wait(30, 21), 100)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_kernel_tells_how_long_bytes_stood_unread(run):
    told = []

    class Late(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            began_ns = time.monotonic_ns()
            while time.monotonic_ns() - began_ns < 60 * MILLISECOND_NS:
                pass
            told.append(unread_ns(self.transport))
            self.transport.close()

    async def scene():
        server = await asyncio.get_running_loop().create_server(Late, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(b"x")
        await reader.read()
        writer.close()
        server.close()

    run(scene())

    assert told[0] >= 50 * MILLISECOND_NS
    assert socket.TCP_INFO == 11
