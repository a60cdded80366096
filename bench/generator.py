"""The harness's own load generator: epoll and raw sockets, run as a process of its own on cpu 1.

Closed loop (each connection sends its next request when the answer is in) stands in where wrk is missing; open loop
sends at a fixed rate whatever comes back, which is what an overload test needs.

A generator in Python that reads a thousand answers in turn would add its own queue to every time it tells. So a call
is timed from just before its bytes are handed to the kernel to when the kernel received the answer (SO_TIMESTAMPNS),
not to when this program came to read it.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.figures import percentile

CLOSING = b"connection: close"
SO_TIMESTAMPNS = 35
"""Linux's number for it, which the socket module does not name."""
_TIMESPEC = struct.Struct("qq")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)


@dataclass
class Connection:
    """One keep-alive connection with at most one request on its way."""

    sock: socket.socket
    sent_at: float = 0.0
    received: bytes = b""


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted_us: list[float] = field(default_factory=list)
    refused_us: list[float] = field(default_factory=list)
    broken: int = 0

    def count(self, status: int, took_us: float) -> None:
        """Book one answer: the times of refusals are kept apart."""
        self.statuses[status] += 1
        (self.accepted_us if status == 200 else self.refused_us).append(took_us)


def request_bytes(host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The one request that is sent again and again."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def complete(received: bytes) -> tuple[int, bool] | None:
    """The status of a whole answer and whether the server closes after it; None while bytes are missing.

    Raises: ValueError, when the answer states no length (chunked answers are not read here).
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        raise ValueError("the answer states no Content-Length")
    stop = head.find(b"\r\n", at)
    length = int(head[at + 15 : stop if stop > 0 else end])
    if len(received) < end + 4 + length:
        return None
    return int(head[9:12]), CLOSING in head


def received_at(told: list[tuple[int, int, bytes]]) -> float:
    """When the kernel received the last of what was read; now, where it does not say."""
    for level, kind, data in told:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return seconds + nanoseconds / 1e9
    return time.time()


class Load:
    """A set of connections to one server, and what came back on them."""

    def __init__(self, address: tuple[str, int], request: bytes, connections: int) -> None:
        self.address, self.request = address, request
        self.tally = Tally()
        self.epoll = select.epoll()
        self.idle: deque[Connection] = deque()
        self.by_fd: dict[int, Connection] = {}
        self.offered = self.held_back = 0
        for _ in range(connections):
            self.connect()

    def connect(self) -> None:
        """Open one more connection."""
        sock = socket.create_connection(self.address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setblocking(False)
        self.by_fd[sock.fileno()] = fresh = Connection(sock)
        self.epoll.register(sock.fileno(), select.EPOLLIN)
        self.idle.append(fresh)

    def replace(self, broken: Connection) -> None:
        """Close a connection and open another in its place."""
        del self.by_fd[broken.sock.fileno()]
        broken.sock.close()
        self.connect()

    def send(self) -> bool:
        """Send one request on an idle connection; False when none is idle."""
        if not self.idle:
            return False
        connection = self.idle.popleft()
        connection.sent_at = time.time()
        try:
            connection.sock.send(self.request)
        except OSError:
            self.tally.broken += 1
            self.replace(connection)
        return True

    def collect(self, timeout_s: float) -> None:
        """Take in what has arrived."""
        for fd, _ in self.epoll.poll(timeout_s):
            self.read(self.by_fd[fd])

    def read(self, connection: Connection) -> None:
        """Read one connection; a whole answer is booked and frees it."""
        try:
            chunk, told, _, _ = connection.sock.recvmsg(65536, _ANCILLARY_BYTES)
        except OSError:
            chunk, told = b"", []
        if not chunk:
            self.tally.broken += connection.sent_at > 0
            self.replace(connection)
            return
        connection.received += chunk
        answer = complete(connection.received)
        if answer is None:
            return
        self.tally.count(answer[0], 1e6 * (received_at(told) - connection.sent_at))
        connection.received, connection.sent_at = b"", 0.0
        if answer[1]:
            self.replace(connection)
        else:
            self.idle.append(connection)

    def closed(self, seconds: float) -> float:
        """Keep every connection busy for a while; the seconds it really took."""
        start = now = time.perf_counter()
        while now - start < seconds:
            while self.send():
                self.offered += 1
            self.collect(0.1)
            now = time.perf_counter()
        return now - start

    def open(self, seconds: float, rate: float) -> float:
        """Offer requests at a fixed rate; one that finds no idle connection is held back for good, and counted."""
        start = now = time.perf_counter()
        while now - start < seconds:
            due = int((now - start) * rate) - self.offered - self.held_back
            for position in range(due):
                if not self.send():
                    self.held_back += due - position
                    break
                self.offered += 1
            self.collect(0.0005)
            now = time.perf_counter()
        return now - start


def report(load: Load, seconds: float) -> dict[str, object]:
    """The figures of a finished run, ready for JSON."""
    accepted, refused = sorted(load.tally.accepted_us), sorted(load.tally.refused_us)
    answers = sum(load.tally.statuses.values())
    return {
        "requests": answers,
        "errors": answers - load.tally.statuses[200] + load.tally.broken,
        "seconds": seconds,
        "p50_us": percentile(accepted, 0.5),
        "p99_us": percentile(accepted, 0.99),
        "refused_p99_us": percentile(refused, 0.99),
        "broken": load.tally.broken,
        "offered": load.offered,
        "held_back": load.held_back,
        "statuses": {str(status): count for status, count in sorted(load.tally.statuses.items())},
    }


def main() -> None:
    """Read the order as JSON from standard input, run it, print the figures."""
    order = json.load(sys.stdin)
    request = request_bytes(order["host"], order["path"], order["headers"], order["body"].encode())
    load = Load((order["host"], order["port"]), request, order["connections"])
    rate = order.get("rate")
    seconds = load.open(order["seconds"], rate) if rate else load.closed(order["seconds"])
    json.dump(report(load, seconds), sys.stdout)


if __name__ == "__main__":
    main()
