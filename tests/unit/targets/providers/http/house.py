"""A client beside a scripted upstream on either event loop, with a clock the test moves, and a look for leaks after it."""

import asyncio
import gc
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from headworks.targets.providers.client import Client, ClientSettings, Timeouts
from headworks.targets.providers.wire import HttpRequest, Origin
from headworks.units import SECOND_NS
from tests.unit.targets.providers.http.upstream import ScriptedUpstream

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
USUAL = Timeouts()
ASK = HttpRequest("POST", "/say", body=b"{}")
PATIENCE_S = 10
"""How long a test waits for something that must happen before it fails; never a delay."""


class ManualClock:
    """Stands still until told."""

    def __init__(self):
        self.now_ns = 1_000 * SECOND_NS

    def monotonic_ns(self):
        return self.now_ns

    def wall_ns(self):
        return self.now_ns

    def advance(self, s):
        self.now_ns += int(s * SECOND_NS)


class House:
    """One client, one upstream."""

    def __init__(self, client, origin, upstream, clock):
        self.client, self.origin, self.upstream, self.clock = client, origin, upstream, clock

    def send(self, request=ASK, timeouts=USUAL, within_s=600):
        """A call whose answer is not waited for."""
        return self.client.send(self.origin, request, timeouts, self.clock.now_ns + int(within_s * SECOND_NS))

    async def ask(self, request=ASK, **more):
        """A call and its answer."""
        return await got(self.send(request, **more))

    async def open(self, request=ASK, timeouts=USUAL, within_s=600):
        """A streamed call, at its head."""
        deadline_ns = self.clock.now_ns + int(within_s * SECOND_NS)
        return await got(self.client.stream(self.origin, request, timeouts, deadline_ns))


async def got(pending):
    """The result of a Pending."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    pending.when_done(lambda: done.done() or done.set_result(None))
    async with asyncio.timeout(PATIENCE_S):
        await done
    return pending.result()


async def rest(stream):
    """Every piece that is still to come."""
    pieces = []
    while (piece := await got(stream.next())) is not None:
        pieces.append(piece)
    return pieces


async def until(condition):
    """Let the loop turn until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def house(script, settings=None, *, upstream=None, tls=None, scheme="http", host="127.0.0.1", path=""):
    """A House; what the client held is given back at its end, and its connections are seen closed by the upstream."""
    loop = asyncio.get_running_loop()
    clock = ManualClock()
    client = Client(loop, clock, settings or ClientSettings())
    async with ScriptedUpstream(script, tls) as scripted:
        origin = Origin(scheme, host, scripted.port, path)
        client.allow(origin, upstream)
        try:
            yield House(client, origin, scripted, clock)
        finally:
            client.close()
        await until(lambda: client.counts(origin) == (0, 0, 0))


def run(scenario, loop="uvloop"):
    """Run a scenario on a fresh loop; no task, no socket and no timer of it is left."""
    gc.freeze()  # what was there before is not looked through for what the scenario left
    try:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            before = runner.run(_sockets())  # a running loop has some of its own
            runner.run(scenario)
            runner.run(_settled(before))
    finally:
        gc.unfreeze()


async def _settled(before):
    await until(lambda: len(asyncio.all_tasks()) == 1)
    gc.collect()
    async with asyncio.timeout(PATIENCE_S):
        while await _sockets() > before:
            await asyncio.sleep(0.001)
    loop = asyncio.get_running_loop()
    timers = [handle for handle in getattr(loop, "_scheduled", ()) if not handle.cancelled()]

    assert len(timers) <= 2  # those of this very wait


async def _sockets():
    files = Path("/proc/self/fd")
    return sum(_target(file).startswith("socket:") for file in files.iterdir())


def _target(file):
    try:
        return str(file.readlink())
    except FileNotFoundError:  # the folder's own
        return ""
