"""HTTP clients alone: calls within one process on cpu 0 against the static upstream; run as a program, one slice a run.

`python -m bench.clients KIND PORT CONNECTIONS SECONDS` prints the slice as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

from bench.figures import Round, Slice, percentile
from bench.load import HOST, ROOT
from bench.rounds import BUSY_CONNECTIONS, Plan, fixed_loop_ms, say
from bench.tree import prefer
from bench.venvs import ensure_clients

KINDS = ("headworks-client", "aiohttp", "httpx")
BODY = b'{"model":"any-model","messages":[{"role":"user","content":"Hello there, how are you today?"}]}'
FIELDS = {"content-type": "application/json", "accept": "application/json", "authorization": "Bearer sk-upstream"}
WARM_UP_S = 0.5
PATH = "/v1/chat/completions"


def measure(port: int, plan: Plan) -> dict[str, list[Round]]:
    """Interleaved rounds of every client, many calls at once and then one."""
    found: dict[str, list[Round]] = {kind: [] for kind in KINDS}
    for number in range(plan.rounds):
        say(f"  clients, round {number + 1} of {plan.rounds}, fixed loop {fixed_loop_ms():.1f} ms")
        for kind in KINDS:
            busy = _slice(kind, port, BUSY_CONNECTIONS, plan.busy_s, plan.nice)
            found[kind].append(Round(busy, _slice(kind, port, 1, plan.single_s, plan.nice)))
    return found


def _slice(kind: str, port: int, connections: int, seconds: float, nice: int) -> Slice:
    program = [str(ensure_clients()), "-m", "bench.clients", kind, str(port), str(connections), str(seconds)]
    pinned = ["taskset", "-c", "0", "nice", "-n", str(nice), *program]
    running = subprocess.Popen(pinned, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    prefer(running.pid, nice)
    printed, _ = running.communicate()
    if running.returncode:
        raise RuntimeError(f"the client {kind} failed")
    return Slice(**json.loads(printed))


class Tally:
    """Counts calls of the measured time."""

    def __init__(self) -> None:
        self.is_over = False
        self.begin()

    def begin(self) -> None:
        """From here on calls count."""
        self.times_us: list[float] = []
        self.errors = 0
        self.began, self.cpu_s = time.perf_counter(), _cpu_s()

    def count(self, status: int, began: float) -> None:
        """One call is over."""
        self.errors += status != 200
        self.times_us.append(1e6 * (time.perf_counter() - began))

    def slice(self) -> dict[str, float]:
        """What has been counted."""
        seconds, cpu_s = time.perf_counter() - self.began, _cpu_s() - self.cpu_s
        ordered = sorted(self.times_us)
        return {
            "requests": len(ordered),
            "errors": self.errors,
            "seconds": seconds,
            "p50_us": percentile(ordered, 0.5),
            "p99_us": percentile(ordered, 0.99),
            "cpu_s": cpu_s,
        }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def ours(port: int, connections: int, tally: Tally, timed: Callable[[], Awaitable[None]]) -> None:
    """Our client, as the gateway drives it: callbacks, no task a call."""
    from headworks.targets.providers.client import Client, Timeouts
    from headworks.targets.providers.wire import HttpRequest, Origin
    from headworks.units import SECOND_NS, SystemClock

    clock, origin, timeouts = SystemClock(), Origin("http", HOST, port), Timeouts()
    client = Client(asyncio.get_running_loop(), clock, origins=[origin])
    request = HttpRequest("POST", PATH, tuple(FIELDS.items()), BODY)

    left, is_done = connections, asyncio.Event()

    def call() -> None:
        began = time.perf_counter()
        pending = client.send(origin, request, timeouts, clock.monotonic_ns() + 30 * SECOND_NS)

        def ended() -> None:
            nonlocal left
            tally.count(pending.result().status, began)
            if not tally.is_over:
                call()
                return
            left -= 1
            if not left:
                is_done.set()

        pending.when_done(ended)

    for _ in range(connections):
        call()
    await timed()
    await is_done.wait()
    client.close()


async def on_aiohttp(port: int, connections: int, tally: Tally, timed: Callable[[], Awaitable[None]]) -> None:
    """aiohttp, one task a connection."""
    import aiohttp

    url = f"http://{HOST}:{port}{PATH}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256)) as session:

        async def ask() -> int:
            async with session.post(url, data=BODY, headers=FIELDS) as answer:
                await answer.read()
                return answer.status

        await _tasks(ask, connections, tally, timed)


async def on_httpx(port: int, connections: int, tally: Tally, timed: Callable[[], Awaitable[None]]) -> None:
    """httpx, one task a connection."""
    import httpx

    url = f"http://{HOST}:{port}{PATH}"
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as session:

        async def ask() -> int:
            return (await session.post(url, content=BODY, headers=FIELDS)).status_code

        await _tasks(ask, connections, tally, timed)


async def _tasks(
    ask: Callable[[], Awaitable[int]], connections: int, tally: Tally, timed: Callable[[], Awaitable[None]]
) -> None:
    async def caller() -> None:
        while not tally.is_over:
            began = time.perf_counter()
            tally.count(await ask(), began)

    callers = [asyncio.create_task(caller()) for _ in range(connections)]
    await timed()
    await asyncio.gather(*callers)


async def run(kind: str, port: int, connections: int, seconds: float) -> dict[str, float]:
    """One slice."""
    tally, found = Tally(), {}

    async def timed() -> None:
        await asyncio.sleep(WARM_UP_S)
        gc.freeze()
        tally.begin()
        await asyncio.sleep(seconds)
        found.update(tally.slice())
        tally.is_over = True

    await {"headworks-client": ours, "aiohttp": on_aiohttp, "httpx": on_httpx}[kind](port, connections, tally, timed)
    return found


if __name__ == "__main__":
    import uvloop

    print(json.dumps(uvloop.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))))
