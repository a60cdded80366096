"""Where a service listens: on an address as on a name, and on every address that the name has here."""

import asyncio
import socket
import threading

import pytest
import uvloop

from headworks.edge.limits import Bind
from headworks.edge.listening import ACCEPTED_A_ROUND, listening
from headworks.edge.server import serve
from tests.fakes_edge import FakeApp, FakeClock

OURS, ALSO_OURS = "127.74.0.1", "127.74.0.2"
"""Addresses that nothing else listens on: other tests take ports of 127.0.0.1."""
NOT_HERE = "192.0.2.1"
"""An address of documentation, which no machine has."""


def named(*hosts):
    """A look-up that finds these addresses."""

    def resolve(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in hosts]

    return resolve


def where(bind, resolve):
    """The addresses listened on, and through how many descriptors each."""
    sockets = asyncio.run(listening(bind, resolve))
    counts = {}
    for sock in sockets:
        counts[sock.getsockname()[:2]] = counts.get(sock.getsockname()[:2], 0) + 1
        sock.close()
    return counts


def test_a_name_is_listened_on_as_an_address_is():
    async def descriptors(host):
        server = await serve(FakeApp(), Bind(host, 0), FakeClock())
        count = len({sock.fileno() for listener in server._listeners for sock in listener.sockets})
        await server.close()
        return count

    def run(host):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(descriptors(host))

    assert run("127.0.0.1") == ACCEPTED_A_ROUND
    assert run("localhost") % ACCEPTED_A_ROUND == 0
    assert run("localhost") >= ACCEPTED_A_ROUND


def test_every_address_of_a_name_is_listened_on_at_one_port():
    counts = where(Bind("api.example", 0), named(OURS, ALSO_OURS, OURS))

    assert {host: count for (host, _), count in counts.items()} == dict.fromkeys((OURS, ALSO_OURS), ACCEPTED_A_ROUND)
    assert len({port for _, port in counts}) == 1


def test_addresses_of_other_machines_are_left_out_unless_all_are():
    counts = where(Bind("api.example", 0), named(NOT_HERE, "127.0.0.1"))

    assert {host for host, _ in counts} == {"127.0.0.1"}
    with pytest.raises(OSError, match="assign requested address"):
        where(Bind("api.example", 0), named(NOT_HERE))
    with pytest.raises(OSError, match="no address"):
        where(Bind("api.example", 0), named())


def test_where_one_address_cannot_be_had_none_is_kept():
    with socket.create_server((ALSO_OURS, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            where(Bind("api.example", port), named(OURS, ALSO_OURS))
        with socket.create_server((OURS, port)) as free:
            assert free.getsockname()[1] == port


def test_a_name_is_looked_up_while_the_loop_goes_on():
    is_going_on = threading.Event()

    def slowly(host, port, **_):
        assert is_going_on.wait(20)
        return named("127.0.0.1")(host, port)

    async def both():
        looking = asyncio.ensure_future(listening(Bind("api.example", 0), slowly))
        await asyncio.sleep(0)
        is_going_on.set()
        return await looking

    sockets = asyncio.run(both())
    for sock in sockets:
        sock.close()

    assert len(sockets) == ACCEPTED_A_ROUND


def test_a_name_that_nobody_knows_is_said():
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(OSError, match="not known"):
        asyncio.run(listening(Bind("api.example", 0), unknown))
