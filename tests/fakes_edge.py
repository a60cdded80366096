"""An application behind an edge, for tests: answers at once, waits, streams or breaks, by path; and a clock to turn."""

import asyncio
import json

import uvloop

from headworks.contract.problem import MEDIA, problem_json
from headworks.edge.limits import Bind, EdgeLimits
from headworks.edge.server import serve
from headworks.errors import HeadworksError
from headworks.pending import Pending
from headworks.units import SECOND_NS
from headworks.values import Reply

PATIENCE_S = 20
"""How long a test waits for something that must happen before it fails; never a delay."""
JSON = ("Content-Type", "application/json")


class FakeClock:
    """Time that stands still until it is advanced."""

    def __init__(self):
        self.ns = 1_000 * SECOND_NS

    def monotonic_ns(self):
        return self.ns

    def wall_ns(self):
        return self.ns + 1_700_000_000 * SECOND_NS

    def advance(self, s):
        self.ns += int(s * SECOND_NS)


class FakeChunks:
    """A stream whose chunks the test pushes."""

    keep_alive = b": awake\n\n"

    def __init__(self, ready=()):
        self.ready = list(ready)
        self.waiting = None
        self.is_abandoned = False
        self.pulled = 0

    def next(self):
        pending = Pending()
        if self.ready:
            self._give(pending, self.ready.pop(0))
        else:
            self.waiting = pending
        return pending

    def push(self, chunk):
        waiting, self.waiting = self.waiting, None
        if waiting is None:
            self.ready.append(chunk)
        else:
            self._give(waiting, chunk)

    def abandon(self, defect=None):
        self.is_abandoned, self.defect = True, defect

    def _give(self, pending, chunk):
        self.pulled += 1
        if isinstance(chunk, Exception):
            pending.fail(chunk)
        else:
            pending.resolve(chunk)


class FakeApp:
    """Answers by path; keeps what it saw."""

    def __init__(self, **limits):
        self.limits = EdgeLimits(**{"sweep_interval_s": 3600, **limits})
        self.seen = []
        self.waits = []
        self.chunks = []
        self.ended = []
        self.prechecked = []
        self.refused_pages = []
        self.precheck_refusal = None
        self.headers = ()
        self.key = None
        self._minted = 0

    def mint(self):
        self._minted += 1
        return f"id{self._minted}"

    def shed(self, head, headers, peer, wait):
        return None

    def problem(self, error, request_id, path, origin=None):
        self.refused_pages.append(origin)
        headers = (("Content-Type", MEDIA), ("X-Request-Id", request_id), *error.headers)
        return Reply(error.status, headers, problem_json(error, request_id, path))

    def precheck(self, head):
        self.prechecked.append(head)
        if self.key is not None and head.headers.get("authorization") != self.key:
            return Reply(401, (JSON,), b'{"status":401}')
        return self.precheck_refusal(head) if self.precheck_refusal else None

    async def serve(self, raw):
        self.seen.append(raw)
        try:
            return await self._answer(raw)
        except HeadworksError as error:
            self.ended.append((raw.path, error.code))
            return self.problem(error, raw.request_id, raw.path)

    async def _answer(self, raw):
        if raw.path.startswith("/wait") or raw.path == "/api/slow/v1":
            pending = Pending()
            self.waits.append(pending)
            return Reply(200, (JSON,), await pending)
        if raw.path.startswith("/stream") or raw.headers.get("accept") == "text/event-stream":
            chunks = FakeChunks()
            self.chunks.append(chunks)
            return Reply(200, (("Content-Type", "text/event-stream"),), b"", chunks)
        if raw.path == "/big":
            return Reply(200, (("Content-Type", "application/octet-stream"),), b"x" * int(raw.query))
        if raw.path == "/crash":
            raise RuntimeError("secret text")
        if raw.path == "/empty":
            return Reply(204, ())
        if raw.path == "/fields":
            return Reply(200, self.headers, b"{}")
        if raw.path == "/text":
            return Reply(200, (("Content-Type", "text/plain"),), b"plain")
        return Reply(200, (JSON, ("X-Request-Id", raw.request_id)), self._echo(raw))

    def _echo(self, raw):
        told = {"method": raw.method, "path": raw.path, "query": raw.query, "peer": raw.peer, "via": raw.via}
        told["body"] = raw.body.decode("latin-1") if len(raw.body) < 10_000 else len(raw.body)
        return json.dumps(told).encode()


class Client:
    """A raw TCP client: what is sent is what was written."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, data):
        """Send, and read one reply: status, headers by lower-case name, body."""
        await self.send(data)
        return await self.reply()

    async def reply(self, *, has_body=True):
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        lines = head[:-4].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        status = int(lines[0].split()[1])
        if not has_body or status in {100, 101, 204, 304}:
            return status, headers, b""
        if "transfer-encoding" in headers:
            return status, headers, None
        body = await asyncio.wait_for(self.reader.readexactly(int(headers["content-length"])), PATIENCE_S)
        return status, headers, body

    async def chunk(self):
        """One chunk of a chunked body; b"" is the last."""
        size = int(await asyncio.wait_for(self.reader.readline(), PATIENCE_S), 16)
        data = await self.reader.readexactly(size + 2)
        return data[:-2]

    async def rest(self):
        """Everything until the server closes; a reset is a close."""
        try:
            return await asyncio.wait_for(self.reader.read(-1), PATIENCE_S)
        except ConnectionResetError:
            return b""

    async def close(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass


class Bench:
    """A fake application behind a real server on a real socket, with a clock to turn."""

    def __init__(self, app, clock, server):
        self.app = app
        self.clock = clock
        self.server = server
        self.clients = []

    async def connect(self, **options):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, **options)
        client = Client(reader, writer)
        self.clients.append(client)
        return client

    async def pass_time(self, s):
        """Advance the clock and sweep, as the server's timer would; let the loop carry out what follows."""
        await settle()
        self.clock.advance(s)
        self.server.gate.sweep()
        await settle()


async def settle(turns=20):
    """Let the loop turn until what was sent on loopback sockets has arrived and been answered."""
    for _ in range(turns):
        await asyncio.sleep(0.001)


async def until(fact, seconds=PATIENCE_S):
    """Wait until a fact holds."""
    async with asyncio.timeout(seconds):
        while not fact():
            await asyncio.sleep(0.001)


def run_edge(scenario, app=None, **bind):
    """Run an async scenario against a server of its own, on uvloop."""

    async def inside():
        fake, clock = app or FakeApp(), FakeClock()
        server = await serve(fake, Bind(port=0, **bind), clock)
        bench = Bench(fake, clock, server)
        try:
            return await asyncio.wait_for(scenario(bench), 30)
        finally:
            await server.close()
            for client in bench.clients:
                await client.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(inside())
