import pytest

from headworks.edge.gate import Gate
from headworks.edge.limits import Bind
from headworks.edge.rounds import CROWD, LATER_ROUNDS, SHORT_NS, Wait
from headworks.errors import Overloaded
from tests.fakes_edge import FakeApp, FakeClock


class FakeLive:
    def __init__(self):
        self.expired_at = []

    def expire(self, now_ns):
        self.expired_at.append(now_ns)


def make_gate(**limits):
    return Gate(FakeApp(**limits), Bind(proxies=("10.0.0.0/8",)), FakeClock())


def fill(gate, peer, count):
    connections = [FakeLive() for _ in range(count)]
    for connection in connections:
        gate.enter(connection, peer)
    return connections


def test_connections_from_one_address_are_bounded_and_counted_down():
    gate = make_gate(max_connections_per_peer=2)
    first, _ = fill(gate, "9.9.9.9", 2)
    refused = FakeLive()
    with pytest.raises(Overloaded):
        gate.enter(refused, "9.9.9.9")
    gate.leave(refused, "9.9.9.9")
    gate.leave(first, "9.9.9.9")
    fill(gate, "9.9.9.9", 1)
    fill(gate, "8.8.8.8", 2)

    assert len(gate.live) == 4


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.1.2.3"])
def test_addresses_that_many_callers_share_are_not_bounded_one_by_one(peer):
    gate = make_gate(max_connections_per_peer=2)
    fill(gate, peer, 5)

    assert len(gate.live) == 5


def test_addresses_are_forgotten_with_their_last_connection():
    gate = make_gate()
    for number in range(100):
        (connection,) = fill(gate, f"9.9.9.{number}", 1)
        gate.leave(connection, f"9.9.9.{number}")

    assert gate._peers == {}


def test_a_sweep_looks_at_every_connection_and_turns_the_date():
    gate = make_gate()
    connections = fill(gate, "9.9.9.9", 3)
    before = gate.plain_fields
    gate.clock.advance(1)
    gate.sweep()

    assert {one.expired_at[-1] for one in connections} == {gate.clock.ns}
    assert gate.plain_fields != before
    assert b"strict-transport-security" in gate.secure_fields


class Scheduler:
    """Forgets what it is asked to call."""

    def call_soon(self, callback):
        pass

    def call_later(self, delay, callback):
        pass


class Held:
    """A transport that can be paused."""

    def is_closing(self):
        return False

    def pause_reading(self):
        pass

    def get_extra_info(self, name):
        return None


@pytest.mark.parametrize(("connections", "held"), [(CROWD, 0), (CROWD + 3, 3), (10 * CROWD, 2 * CROWD)])
def test_a_round_holds_a_part_of_a_crowd_and_leaves_enough_to_be_read(connections, held):
    gate = Gate(FakeApp(), Bind(), FakeClock(), Scheduler())
    fill(gate, "127.0.0.1", connections)
    gate.rounds.wait(Held(), 1, is_unsure=False)

    assert sum(gate.hold(Held()) for _ in range(connections)) == held


def test_only_a_crowd_is_told_how_long_its_answers_will_take():
    waits = []
    for connections in (CROWD, CROWD + 1):
        gate = Gate(FakeApp(), Bind(), FakeClock(), Scheduler())
        fill(gate, "127.0.0.1", connections)
        gate.wait(Held(), 1, is_unsure=False)
        waits.append(gate.wait(Held(), 1 + SHORT_NS, is_unsure=False))

    assert waits == [Wait(SHORT_NS, 0), Wait(SHORT_NS, LATER_ROUNDS * SHORT_NS)]


def test_connections_that_were_one_too_many_are_counted():
    gate = make_gate(max_connections=2)
    fill(gate, "9.9.9.9", 2)
    for _ in range(3):
        with pytest.raises(Overloaded):
            gate.enter(FakeLive(), "9.9.9.9")

    assert (gate.refused, gate.most) == (3, 2)
