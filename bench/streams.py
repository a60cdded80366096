"""Streams through the gateways: chunks a second and CPU a chunk unpaced, the added time to the first chunk paced, memory of many.

    python -m bench.streams              # everything, about a minute and a half
    python -m bench.streams --rounds 1   # a quick look

Headworks passes one dialect through and translates (Anthropic in, OpenAI out), with everything on; nginx passes bytes on.
The upstream sends chunks of 150 bytes, each in a write of its own, and shares the load's core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import uvloop

from bench.gateways import BODY, PATH, PROXY
from bench.load import HOST, ROOT, Target
from bench.servers import MODELS, Running, Server, free_port, ours, start
from bench.tree import prefer
from bench.upstream import nginx_conf

CHUNKS = 200
PACE_S = 0.02
BUSY, PACED, MANY = 64, 16, 1000
BUSY_S, PACED_S, MANY_S = 3.0, 12.0, 8.0
NICE = -15 if os.geteuid() == 0 else 0
STREAMED = json.dumps({**json.loads(BODY), "stream": True, "max_tokens": 1000})
UNBUFFERED = PROXY.replace("proxy_http_version", "proxy_buffering off; proxy_http_version")


def _chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    told = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "any-model"}
    return _framed(b"data: " + json.dumps({**told, "choices": [choice]}, separators=(",", ":")).encode() + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST, WORD, LAST = _chunk({"role": "assistant", "content": ""}), _chunk({"content": " word"}), _chunk({}, "stop")
END = _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """Answers each request with a stream: a chunk a turn of the loop, or at a pace."""

    def __init__(self, pace_s: float) -> None:
        self._pace_s = pace_s
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        head = self._data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
        if end < 0 or len(self._data) < end + 4 + length:
            return
        self._data = b""
        self._transport.write(HEAD)
        self._later(0)

    def _later(self, sent: int) -> None:
        loop = asyncio.get_running_loop()
        if self._pace_s:
            loop.call_later(self._pace_s, self._send, sent)
        else:
            loop.call_soon(self._send, sent)

    def _send(self, sent: int) -> None:
        if self._transport.is_closing():
            return
        if sent == CHUNKS:
            self._transport.write(LAST + END)
            return
        self._transport.write(WORD if sent else FIRST + WORD)
        self._later(sent + 1)


class Caller(asyncio.Protocol):
    """One connection that asks for stream after stream; counts their events and times their first content."""

    def __init__(self, request: bytes, content: bytes) -> None:
        self._request = request
        self._content = content
        self._tail = b""
        self._asked_s = 0.0
        self._has_content = True
        self.events = self.streams = 0
        self.first_s: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def ask(self) -> None:
        self._has_content = False
        self._asked_s = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.events += data.count(b"data: ")
        if not self._has_content and self._content in data:
            self._has_content = True
            self.first_s.append(time.perf_counter() - self._asked_s)
        self._tail = (self._tail + data)[-16:]
        if self._tail.endswith(b"0\r\n\r\n"):
            self.streams += 1
            self._tail = b""
            self.ask()


async def _load(target: Target, callers: int, seconds: float) -> dict[str, Any]:
    """So many streams at once for so long."""
    loop = asyncio.get_running_loop()
    fields = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    head = f"POST {target.path} HTTP/1.1\r\nHost: {HOST}\r\n{fields}Content-Length: {len(target.body)}\r\n\r\n"
    request = (head + target.body).encode()
    made = []
    for _ in range(callers):
        _, caller = await loop.create_connection(lambda: Caller(request, b" word"), HOST, target.port)
        made.append(caller)
    for number, caller in enumerate(made):
        loop.call_later(PACE_S * number / callers, caller.ask)
    await asyncio.sleep(0.5)
    before, began = sum(caller.events for caller in made), time.perf_counter()
    await asyncio.sleep(seconds)
    took_s = time.perf_counter() - began
    events = sum(caller.events for caller in made) - before
    first = sorted(each for caller in made for each in caller.first_s)
    for caller in made:
        caller._transport.abort()
    return {"events_s": events / took_s, "first_s": first, "silent": sum(not caller.events for caller in made)}


def _pinned() -> list[str]:
    return ["taskset", "-c", "1", "nice", "-n", str(NICE), sys.executable, "-m", "bench.streams"]


def load(target: Target, callers: int, seconds: float) -> dict[str, Any]:
    """The same from a process of its own, on the load's core."""
    found: dict[str, Any] = json.loads(_loading(target, callers, seconds).communicate()[0])
    return found


def _loading(target: Target, callers: int, seconds: float) -> subprocess.Popen[str]:
    order = json.dumps([target.port, target.path, target.body, dict(target.headers), callers, seconds])
    command = [*_pinned(), "--load", order]
    loading = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    prefer(loading.pid, NICE)
    return loading


@contextmanager
def upstream(pace_s: float) -> Iterator[int]:
    """The port of a started upstream."""
    port = free_port()
    command = [*_pinned(), "--upstream", str(port), str(pace_s)]
    running = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    prefer(running.pid, NICE)
    try:
        time.sleep(1)
        yield port
    finally:
        running.terminate()
        running.wait(10)


async def _serve(port: int, pace_s: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(pace_s), HOST, port, backlog=4096)
    await server.serve_forever()


def servers(port: int) -> list[Server]:
    """Headworks in one dialect and translating, and nginx."""
    env = {"BENCH_UPSTREAM": f"http://{HOST}:{port}/v1", "BENCH_CA": "unused"}
    same = replace(ours("headworks-streams", MODELS / "gateway.yaml", "chat"), path=PATH, body=STREAMED, env=env)
    where = {"host": HOST, "up_port": port, "scheme": "http", "tls": ""}
    nginx = Server(
        "nginx-streams",
        lambda own: nginx_conf("nginx-streams", UNBUFFERED.format(port=own, **where)),
        path=PATH,
        body=STREAMED,
        prepare=lambda: None,
    )
    return [same, nginx]


def _translated(running: Running) -> Target:
    return replace(running.target, path="/v1/messages")


def _unpaced(rounds: int) -> None:
    with upstream(0) as port:
        mine, nginx = [start(server, NICE) for server in servers(port)]
        try:
            ways = {
                "same dialect": (mine, mine.target),
                "translated": (mine, _translated(mine)),
                "nginx": (nginx, nginx.target),
            }
            rows: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, (running, target) in ways.items():
                    before = running.tree.cpu_s()
                    found = load(target, BUSY, BUSY_S)
                    spent_s = running.tree.cpu_s() - before
                    rows[name].append((found["events_s"], 1e6 * spent_s / (found["events_s"] * (BUSY_S + 0.5))))
            for name, row in rows.items():
                rate, cost = (statistics.median(column) for column in zip(*row, strict=True))
                ratio = statistics.median(own[0] / peer[0] for own, peer in zip(row, rows["nginx"], strict=True))
                print(f"{name:14} {rate:8.0f} chunks/s  {cost:6.1f} cpu us a chunk  {ratio:5.2f} x nginx")
        finally:
            mine.tree.stop()
            nginx.tree.stop()


def _paced() -> None:
    with upstream(PACE_S) as port:
        mine, nginx = [start(server, NICE) for server in servers(port)]
        try:
            ways = {
                "direct": replace(nginx.target, port=port),
                "nginx": nginx.target,
                "same dialect": mine.target,
                "translated": _translated(mine),
            }
            for name, target in ways.items():
                first = [1e3 * each for each in load(target, PACED, PACED_S)["first_s"]]
                p50, p99 = statistics.median(first), first[int(len(first) * 0.99) - 1]
                print(
                    f"{name:14} first chunk after {p50:.2f} ms (p50), {p99:.2f} (p99); a chunk each {1e3 * PACE_S:.0f} ms, c={PACED}"
                )
            idle = mine.tree.memory_mb()
            loading = _loading(mine.target, MANY, MANY_S)
            time.sleep(MANY_S - 1)
            busy = mine.tree.memory_mb()
            found = json.loads(loading.communicate()[0])
            resident = f"{busy['front_rss_mb']:.0f} MB, idle {idle['front_rss_mb']:.0f}"
            print(f"{MANY} streams: {resident}; {found['silent']} of them silent, {found['events_s']:.0f} chunks/s")
        finally:
            mine.tree.stop()
            nginx.tree.stop()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("unpaced", "paced"))
    parser.add_argument("--upstream", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.upstream:
        uvloop.run(_serve(int(asked.upstream[0]), float(asked.upstream[1])))
    elif asked.load:
        port, path, body, headers, callers, seconds = json.loads(asked.load)
        print(json.dumps(uvloop.run(_load(Target(port, path, body, headers), callers, seconds))))
    else:
        if asked.only != "paced":
            _unpaced(asked.rounds)
        if asked.only != "unpaced":
            _paced()


if __name__ == "__main__":
    main()
