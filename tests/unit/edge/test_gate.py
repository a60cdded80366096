import pytest

from headworks.edge.gate import Gate
from headworks.edge.limits import Bind
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
