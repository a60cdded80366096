"""Ports for programs that must be told one, and for those that nobody may answer on."""

import socket
from contextlib import contextmanager


@contextmanager
def reserved_port():
    """A port of loopback that the kernel gives to nobody else for the length of the block.

    It is bound and never listened on. A server that sets SO_REUSEADDR, as each here does, can listen on it all the same;
    while none does, connecting to it is refused.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
