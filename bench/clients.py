"""HTTP clients alone: calls within one process on cpu 0 against the static upstream; run as a program, one slice a run.

`python -m bench.clients KIND CONNECTIONS SECONDS PORT [CA]` prints the slice as JSON; with an authority's file over TLS.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import ssl
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures import Round, Slice, percentile
from bench.load import HOST, ROOT
from bench.rounds import BUSY_CONNECTIONS, Plan, fixed_loop_ms, say
from bench.tree import prefer
from bench.venvs import ensure_clients

KINDS = ("headworks-client", "aiohttp", "httpx")
OVER_TLS = ("headworks-client", "aiohttp")
if TYPE_CHECKING:
    from bench.upstream import Upstream as Service

BODY = b'{"model":"any-model","messages":[{"role":"user","content":"Hello there, how are you today?"}]}'
FIELDS = {"content-type": "application/json", "accept": "application/json", "authorization": "Bearer sk-upstream"}
WARM_UP_S = 0.5
PATH = "/v1/chat/completions"


def measure(service: Service, plan: Plan) -> dict[str, list[Round]]:
    """Interleaved rounds of every client, many calls at once and then one; "-tls" marks those over TLS."""
    places = {kind: (kind, str(service.port)) for kind in KINDS}
    places |= {f"{kind}-tls": (kind, str(service.tls_port), service.ca_file) for kind in OVER_TLS}
    found: dict[str, list[Round]] = {name: [] for name in places}
    for number in range(plan.rounds):
        say(f"  clients, round {number + 1} of {plan.rounds}, fixed loop {fixed_loop_ms():.1f} ms")
        for name, (kind, *place) in places.items():
            busy = _slice([kind, str(BUSY_CONNECTIONS), str(plan.busy_s), *place], plan.nice)
            found[name].append(Round(busy, _slice([kind, "1", str(plan.single_s), *place], plan.nice)))
    return found


def _slice(order: list[str], nice: int) -> Slice:
    program = [str(ensure_clients()), "-m", "bench.clients", *order]
    pinned = ["taskset", "-c", "0", "nice", "-n", str(nice), *program]
    running = subprocess.Popen(pinned, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    prefer(running.pid, nice)
    printed, _ = running.communicate()
    if running.returncode:
        raise RuntimeError(f"the client {order[0]} failed")
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


@dataclass(frozen=True)
class Order:
    """What one slice is asked for."""

    connections: int
    seconds: float
    port: int
    ca_file: str | None = None

    @property
    def url(self) -> str:
        """Where calls go."""
        return f"{'http' if self.ca_file is None else 'https'}://{HOST}:{self.port}{PATH}"


async def ours(order: Order, tally: Tally, timed: Callable[[], Awaitable[None]]) -> None:
    """Our client, as the gateway drives it: callbacks, no task a call."""
    from headworks.targets.providers.client import Client, Timeouts, Tls, Upstream
    from headworks.targets.providers.wire import HttpRequest, Origin
    from headworks.units import SECOND_NS, SystemClock

    clock, timeouts = SystemClock(), Timeouts()
    origin = Origin("http" if order.ca_file is None else "https", HOST, order.port)
    client = Client(asyncio.get_running_loop(), clock)
    client.allow(origin, Upstream(tls=Tls(ca_file=order.ca_file)))
    request = HttpRequest("POST", PATH, tuple(FIELDS.items()), BODY)

    left, is_done = order.connections, asyncio.Event()

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

    for _ in range(order.connections):
        call()
    await timed()
    await is_done.wait()
    client.close()


async def on_aiohttp(order: Order, tally: Tally, timed: Callable[[], Awaitable[None]]) -> None:
    """aiohttp, one task a connection."""
    import aiohttp

    tls = True if order.ca_file is None else ssl.create_default_context(cafile=order.ca_file)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256, ssl=tls)) as session:

        async def ask() -> int:
            async with session.post(order.url, data=BODY, headers=FIELDS) as answer:
                await answer.read()
                return answer.status

        await _tasks(ask, order.connections, tally, timed)


async def on_httpx(order: Order, tally: Tally, timed: Callable[[], Awaitable[None]]) -> None:
    """httpx, one task a connection."""
    import httpx

    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as session:

        async def ask() -> int:
            return (await session.post(order.url, content=BODY, headers=FIELDS)).status_code

        await _tasks(ask, order.connections, tally, timed)


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


async def run(kind: str, order: Order) -> dict[str, float]:
    """One slice."""
    tally, found = Tally(), {}

    async def timed() -> None:
        await asyncio.sleep(WARM_UP_S)
        gc.freeze()
        tally.begin()
        await asyncio.sleep(order.seconds)
        found.update(tally.slice())
        tally.is_over = True

    await {"headworks-client": ours, "aiohttp": on_aiohttp, "httpx": on_httpx}[kind](order, tally, timed)
    return found


if __name__ == "__main__":
    import uvloop

    asked = Order(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
    print(json.dumps(uvloop.run(run(sys.argv[1], asked))))
