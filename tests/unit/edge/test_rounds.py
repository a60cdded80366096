"""How long requests waited unread, and connections that are not read for a while."""

import pytest

from headworks.edge.rounds import FRESH_NS, HOLD_S, Rounds, is_too_late
from headworks.units import SECOND_NS


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


def test_a_round_ages_from_its_first_request_until_the_loop_comes_round(world, rounds):
    waits = [rounds.waited_ns(FakeTransport(), 10**9), rounds.waited_ns(FakeTransport(), 10**9 + 50)]
    world.now_ns = 10**9 + 60
    world.soon.pop()()

    assert (waits, rounds.waited_ns(FakeTransport(), 2 * 10**9)) == ([0, 50], 0)
    assert len(world.soon) == 1


def test_a_round_that_follows_at_once_reads_what_came_in_the_one_before(world, rounds):
    rounds.waited_ns(FakeTransport(), 10_000_000)
    world.now_ns = 40_000_000
    world.soon.pop()()

    assert rounds.waited_ns(FakeTransport(), 40_100_000) == 30_100_000
    assert rounds.waited_ns(FakeTransport(), 45_000_000) == 35_000_000


def test_a_refused_connection_is_read_again_after_its_retry_after(world, rounds):
    transport = FakeTransport()
    rounds.hold(transport)
    delay, read_again = world.later.pop()

    assert (delay, transport.is_read) == (HOLD_S, False)
    read_again()
    assert transport.is_read


def test_what_stands_there_when_it_is_read_again_has_waited_all_along(world, rounds):
    early, late = FakeTransport(), FakeTransport()
    for transport in (early, late):
        rounds.hold(transport)
    for _, read_again in world.later:
        read_again()

    assert rounds.waited_ns(early, world.now_ns + 1) == HOLD_S * SECOND_NS
    assert rounds.waited_ns(late, world.now_ns + FRESH_NS) == 0
    assert rounds.waited_ns(early, world.now_ns + FRESH_NS) == 0


def test_a_connection_that_closed_meanwhile_is_left_alone(world, rounds):
    transport = FakeTransport()
    rounds.hold(transport)
    transport.is_gone = True
    world.later.pop()[1]()

    assert not transport.is_read


def test_without_a_loop_of_our_own_nothing_is_measured():
    rounds = Rounds(None, lambda: 0)

    assert [rounds.waited_ns(FakeTransport(), now_ns) for now_ns in (100, 10**9)] == [0, 0]


def test_half_of_the_deadline_may_pass_unread():
    assert not is_too_late(50, 100)
    assert is_too_late(51, 100)
