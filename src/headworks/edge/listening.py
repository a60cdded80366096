"""Sockets that listen: on an address, or on every address of a name, each through as many descriptors."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

from headworks.edge.limits import Bind

BACKLOG = 2048
ACCEPTED_A_ROUND = 16
"""How many connections are taken in one round of the loop, which takes one for each descriptor that listens: where rounds
are long, one at a time would leave others standing for seconds."""
TRIES = 8
"""A free port of one address may be taken on another of the same name."""
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
Resolve = Callable[..., Sequence[tuple[Any, ...]]]
Address = tuple[socket.AddressFamily, tuple[Any, ...]]


async def listening(bind: Bind, resolve: Resolve = socket.getaddrinfo) -> list[socket.socket]:
    """Sockets on every address of the host that this machine has, all on one port; each address through several descriptors.

    Raises: OSError, when the host has no address here or one of them cannot be had; nothing listens then.
    """
    addresses = await addresses_of(bind, resolve)
    for left in reversed(range(TRIES)):
        try:
            sockets = _bound(addresses, bind.port)
        except OSError as error:
            if bind.port or not left or error.errno != errno.EADDRINUSE:
                raise
        else:
            break
    return [each for sock in sockets for each in (sock, *(sock.dup() for _ in range(ACCEPTED_A_ROUND - 1)))]


async def addresses_of(bind: Bind, resolve: Resolve) -> list[Address]:
    """The addresses of the host; one that is a name is looked up on a thread of its own, for that may take seconds.

    Raises: OSError, when the name is not known.
    """
    try:
        family = socket.AF_INET6 if ip_address(bind.host).version == 6 else socket.AF_INET
    except ValueError:
        found = await _elsewhere(
            lambda: resolve(bind.host or None, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        )
        return list(dict.fromkeys((each[0], tuple(each[4])) for each in found))
    return [(family, (bind.host, bind.port))]


async def _elsewhere(work: Callable[[], Sequence[tuple[Any, ...]]]) -> Sequence[tuple[Any, ...]]:
    """The result of work on a thread that ends with it: the loop's own look-up would start four that stay."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Sequence[tuple[Any, ...]]] = loop.create_future()

    def settle(result: Sequence[tuple[Any, ...]], error: OSError | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        try:
            result, error = work(), None
        except OSError as failed:
            result, error = (), failed
        loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="look-up", daemon=True).start()
    return await done


def _bound(addresses: Sequence[Address], port: int) -> list[socket.socket]:
    """One socket an address, on one port; addresses that are another machine's are left out, unless all are."""
    sockets: list[socket.socket] = []
    elsewhere: list[OSError] = []
    with ExitStack() as undo:
        for family, (host, _, *rest) in addresses:
            sock = _bound_here(family, (host, port, *rest), elsewhere)
            if sock is not None:
                undo.callback(sock.close)
                sockets.append(sock)
                port = sock.getsockname()[1]
        if not sockets:
            raise elsewhere[0] if elsewhere else OSError(errno.EADDRNOTAVAIL, "the host has no address")
        undo.pop_all()
    return sockets


def _bound_here(
    family: socket.AddressFamily, address: tuple[Any, ...], elsewhere: list[OSError]
) -> socket.socket | None:
    try:
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        elsewhere.append(error)
        return None
