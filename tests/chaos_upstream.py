"""The world of tests/fakes_providers.py for real: the HTTP client, a loop, and an upstream on loopback that plays the same script.

Beside that script it knows what only a socket can do: `Raw` bytes, `HalfCloses`, `Drips`.
"""

import asyncio
from contextlib import ExitStack, suppress

import uvloop
from msgspec import Struct

from headworks.pending import Pending
from headworks.targets.providers.attempt import Tools
from headworks.targets.providers.client import Client, Upstream
from headworks.targets.providers.wire import Origin
from headworks.units import SystemClock
from tests.fakes_providers import CountedMoney, Refuses, Resets, Says, Stalls, Tells
from tests.ports import reserved_port
from tests.unit.targets.providers.http.upstream import ScriptedUpstream, answer

PATIENCE_S = 20


class Raw(Struct, frozen=True):
    """Answers with these very bytes, then closes."""

    data: bytes


class HalfCloses(Struct, frozen=True):
    """Reads the request, ends its own side and says nothing."""


class Drips(Struct, frozen=True):
    """Sends a good head and then one byte of the body at a time, slower than anybody waits."""

    every_s: float = 0.2


class Counting:
    """The real client; counts what it was asked, as the scripted one does."""

    def __init__(self, client, origin):
        self._client, self._origin = client, origin
        self.requests = []
        self.echoes = False

    def send(self, origin, request, timeouts, deadline_ns, on_sent=None):
        self.requests.append(request)
        return self._client.send(origin, request, timeouts, deadline_ns, on_sent)

    def stream(self, origin, request, timeouts, deadline_ns, on_sent=None):
        self.requests.append(request)
        return self._client.stream(origin, request, timeouts, deadline_ns, on_sent)

    @property
    def open_connections(self):
        """Connections that carry a call or are being made, and calls that wait for one."""
        standing, idle, waiting = self._client.counts(self._origin)
        return standing - idle + waiting


class RealWorld:
    """Everything a target outside needs, on a loop and a socket of its own."""

    def __init__(self):
        self.loop = uvloop.new_event_loop()
        self.clock, self.timers = SystemClock(), self.loop
        self.money = CountedMoney()
        self.script = []
        self._refusing = ExitStack()
        self.loop.run_until_complete(self._open())

    def plays(self, *script):
        self.script[:] = script
        self.origin = self._closed if isinstance(script[0], Refuses) else self._listening

    def keep_at_most(self, connections):
        """Let so many calls be with the upstream at once."""
        self._client.allow(self._listening, Upstream(max_connections=connections))

    def tools(self):
        return Tools(self.client, self.clock, self.timers, self._offload, lambda: 0.5, self.money)

    def wait(self, pending):
        """Run the loop until it is done."""
        if not pending.is_done:
            done = self.loop.create_future()
            pending.when_done(lambda: done.done() or done.set_result(None))
            self.loop.run_until_complete(asyncio.wait_for(done, PATIENCE_S))
        return pending

    def turn(self):
        """Let a little time pass."""
        self.loop.run_until_complete(asyncio.sleep(0.001))

    def settle(self):
        """Let the loop turn until no connection carries a call."""
        self.loop.run_until_complete(asyncio.wait_for(self._idle(), PATIENCE_S))

    def sent(self):
        return len(self.client.requests)

    def keys_used(self):
        return [dict(request.headers).get("x-key") for request in self.client.requests]

    def close(self):
        self._client.close()
        self.loop.run_until_complete(self._upstream.__aexit__(None, None, None))
        self.loop.close()
        self._refusing.close()

    async def _open(self):
        self._upstream = await ScriptedUpstream(self._serve).__aenter__()
        self._listening = self.origin = Origin("http", "127.0.0.1", self._upstream.port)
        self._closed = Origin("http", "127.0.0.1", self._refusing.enter_context(reserved_port()))
        self._client = Client(self.loop, self.clock, origins=[self._listening, self._closed])
        self.client = Counting(self._client, self._listening)

    async def _idle(self):
        while self.client.open_connections:
            await asyncio.sleep(0.001)

    async def _serve(self, line):
        while True:
            _, body = await line.request()
            plays = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            try:
                goes_on = await self._played(line, plays, body)
            except (RuntimeError, AttributeError):  # uvloop's words for using a connection that the client has closed
                return
            if not goes_on:
                return

    async def _played(self, line, plays, body):
        """Do it; whether the connection goes on."""
        if isinstance(plays, Says):
            await asyncio.sleep(plays.after_s)
            fields = b"".join(b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in plays.headers)
            said = b'{"label": %s, "tokens": 1}' % body if self.client.echoes and plays.status == 200 else plays.body
            await line.send(answer(said, status=b"%d Said" % plays.status, fields=fields))
            return True
        if isinstance(plays, Tells):
            return await self._tell(line, plays)
        if isinstance(plays, Raw):
            await line.send(plays.data)
        elif isinstance(plays, Resets):
            line.reset()
        elif isinstance(plays, Stalls):
            await line.gone()
        elif isinstance(plays, HalfCloses):
            line.half_close()
            await line.gone()
        else:
            await line.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            for _ in range(1000):
                await line.send(b" ")
                await asyncio.sleep(plays.every_s)
        return False

    async def _tell(self, line, plays):
        await line.send(b"HTTP/1.1 %d Told\r\ntransfer-encoding: chunked\r\n\r\n" % plays.status)
        for piece in plays.pieces:
            await asyncio.sleep(plays.gap_s)
            await line.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        if plays.then == "stall":
            await line.gone()
        elif plays.then == "reset":
            await asyncio.sleep(0.02)  # so that what was sent is read before the reset, which discards it
            line.reset()
        else:
            await line.send(b"0\r\n\r\n")
        return plays.then == "end"

    def _offload(self, work):
        pending = Pending()

        def run():
            with suppress(Exception):
                pending.resolve(work())

        self.loop.call_soon(run)
        return pending
