"""Callers of streams, in a process of their own: each asks for stream after stream on one connection.

python -m bench.callers '{"port": 8000, "path": "/v1/chat/completions", "body": ..., "headers": {}, "callers": 16, "seconds": 5}'
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import uvloop

from bench.load import HOST, ROOT, Target
from bench.tree import prefer

SPREAD_S = 0.02
"""Over how long the first calls are spread."""
SETTLING_S = 0.5
CONTENT = b" word"


class Caller(asyncio.Protocol):
    """One connection; counts events, times the first content, sees how often two chunks come in one read."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._tail = b""
        self._asked_s = 0.0
        self._has_content = True
        self.status = b""
        self.events = self.streams = self.reads = self.glued = 0
        self.first_s: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def ask(self) -> None:
        self._has_content = False
        self._asked_s = time.perf_counter()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.status:
            self.status = data[9:12]
        self.events += data.count(b"data: ")
        words = data.count(CONTENT)
        self.reads += words > 0
        self.glued += words > 1
        if words and not self._has_content:
            self._has_content = True
            self.first_s.append(time.perf_counter() - self._asked_s)
        self._tail = (self._tail + data)[-16:]
        if self._tail.endswith(b"0\r\n\r\n"):
            self.streams += 1
            self._tail = b""
            self.ask()


async def _call(order: dict[str, Any]) -> dict[str, Any]:
    """So many streams at once for so long; the time to the first content is told of all but each caller's first stream, for which
    connections are made.
    """
    loop = asyncio.get_running_loop()
    fields = "".join(f"{name}: {value}\r\n" for name, value in order["headers"].items())
    head = f"POST {order['path']} HTTP/1.1\r\nHost: {HOST}\r\n{fields}Content-Length: {len(order['body'])}\r\n\r\n"
    request = (head + order["body"]).encode()
    made: list[Caller] = []
    for _ in range(order["callers"]):
        _, caller = await loop.create_connection(lambda: Caller(request), HOST, order["port"])
        made.append(caller)
    for number, caller in enumerate(made):
        loop.call_later(SPREAD_S * number / len(made), caller.ask)
    await asyncio.sleep(SETTLING_S)
    before, began = sum(caller.events for caller in made), time.perf_counter()
    await asyncio.sleep(order["seconds"])
    took_s = time.perf_counter() - began
    events = sum(caller.events for caller in made) - before
    for caller in made:
        caller.transport.abort()
    return {
        "events_s": events / took_s,
        "first_ms": sorted(1e3 * each for caller in made for each in caller.first_s[1:]),
        "glued_share": sum(caller.glued for caller in made) / max(1, sum(caller.reads for caller in made)),
        "silent": sum(not caller.events for caller in made),
        "statuses": Counter(caller.status.decode() or "none" for caller in made),
    }


def begin(target: Target, callers: int, seconds: float, nice: int) -> subprocess.Popen[str]:
    """Start calling, on the load's core; what it prints is for `ended`."""
    order = {"port": target.port, "path": target.path, "body": target.body, "headers": dict(target.headers)}
    order |= {"callers": callers, "seconds": seconds}
    command = ["taskset", "-c", "1", "nice", "-n", str(nice), sys.executable, "-m", "bench.callers", json.dumps(order)]
    calling = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    prefer(calling.pid, nice)
    return calling


def ended(calling: subprocess.Popen[str]) -> dict[str, Any]:
    """What it found.

    Raises: RuntimeError, when the callers failed.
    """
    printed = calling.communicate()[0]
    if calling.returncode:
        raise RuntimeError(f"the callers of streams failed: {printed[-2000:]}")
    found: dict[str, Any] = json.loads(printed)
    return found


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_call(json.loads(sys.argv[1])))))
