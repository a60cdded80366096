"""Many calls at once among cancels, faults and time-outs: each answer that arrives is the answer to its own request."""

import asyncio
import random
import time
from collections import Counter

import pytest

from headworks.errors import HeadworksError
from headworks.pending import drive
from headworks.targets.providers.client import Client, ClientSettings, Timeouts, Upstream
from headworks.targets.providers.wire import HttpRequest, Origin
from headworks.units import SystemClock
from tests.heavy import times
from tests.unit.targets.providers.http.house import run, until

MOODS = ["plain"] * 8 + ["chunks", "late", "halves", "reset", "cut", "surplus", "closing", "never"]
AT_ONCE = 96
CALLS = times(10_000, 100_000)
SHORT = Timeouts(connect_s=5, first_byte_s=0.15, idle_s=0.15, total_s=5)


class Moody(asyncio.Protocol):
    """Echoes the nonce of each request in the way the request asks for."""

    def connection_made(self, transport):
        self.transport, self.data = transport, b""

    def data_received(self, data):
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head[head.rindex(b"content-length: ") + 16 :].split(b"\r\n")[0])
        if len(body) >= length:
            self.data = body[length:]
            mood, nonce = body[:length].split()
            getattr(self, mood.decode())(nonce)

    def connection_lost(self, exc):
        self.transport = None

    def write(self, data):
        if self.transport is not None:
            self.transport.write(data)

    def later(self, data, *, delay_s=0.004):
        asyncio.get_running_loop().call_later(delay_s, self.write, data)

    def plain(self, nonce, fields=b""):
        self.write(whole(nonce, fields))

    def chunks(self, nonce):
        self.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s" % (len(nonce), nonce[:7]))
        self.later(nonce[7:] + b"\r\n0\r\n\r\n", delay_s=0)

    def late(self, nonce):
        self.later(whole(nonce))

    def halves(self, nonce):
        data = whole(nonce)
        self.write(data[:-9])
        self.later(data[-9:])

    def reset(self, nonce):
        self.transport.abort()

    def cut(self, nonce):
        self.write(whole(nonce)[:-9])
        self.transport.close()

    def surplus(self, nonce):
        self.write(whole(nonce) + whole(b"an answer to nobody"))

    def closing(self, nonce):
        self.plain(nonce, b"connection: close\r\n")
        self.transport.close()

    def never(self, nonce):
        pass


def whole(nonce, fields=b""):
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n%s\r\n%s" % (len(nonce), fields, nonce)


async def echoed(client, origin, body, *, is_stream):
    deadline_ns = time.monotonic_ns() + 5 * 10**9
    request = HttpRequest("POST", "/", body=body)
    if not is_stream:
        return (await client.send(origin, request, SHORT, deadline_ns)).body
    stream = await client.stream(origin, request, SHORT, deadline_ns)
    try:
        pieces = []
        while (piece := await stream.next()) is not None:
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        stream.cancel()


async def storm(count, seed):
    """So many calls, so many at once; how they ended."""
    loop, chance, ends = asyncio.get_running_loop(), random.Random(seed), Counter()
    server = await loop.create_server(Moody, "127.0.0.1", 0)
    origin = Origin("http", "127.0.0.1", server.sockets[0].getsockname()[1])
    settings = ClientSettings(upstream=Upstream(max_connections=AT_ONCE // 2))
    client = Client(loop, SystemClock(), settings, [origin])
    started = 0

    def begin():
        nonlocal started
        if started == count:
            return
        started += 1
        nonce = b"nonce-%d-%s" % (started, chance.randbytes(8).hex().encode())

        def ended(body, error):
            if error is None:
                ends["own" if body == nonce else "foreign"] += 1
            else:
                ends[type(error).__name__] += 1
            loop.call_soon(begin)

        body = chance.choice(MOODS).encode() + b" " + nonce
        call = drive(echoed(client, origin, body, is_stream=chance.random() < 0.4), ended)
        if chance.random() < 0.15:
            loop.call_later(chance.random() * 0.006, call.cancel, Cancelled())

    for _ in range(AT_ONCE):
        begin()
    async with asyncio.timeout(600):
        while sum(ends.values()) < count:
            await asyncio.sleep(0.005)
    client.close()
    await until(lambda: client.counts(origin) == (0, 0, 0))
    server.close()
    return ends


class Cancelled(HeadworksError):
    """Not wanted any more."""


@pytest.mark.heavy
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_no_answer_ever_reaches_another_call(loop):
    async def scenario():
        ends = await storm(CALLS, seed=CALLS)

        assert ends["foreign"] == 0
        assert sum(ends.values()) == CALLS
        assert (
            ends["own"] > CALLS / 10
        )  # two of three where nothing else runs; a machine that stalls lets calls time out
        expected = {"own", "foreign", "Cancelled", "ProviderDown", "ProviderBroken", "ProviderTimeout"}
        assert {"own", "Cancelled", "ProviderDown", "ProviderBroken", "ProviderTimeout"} <= set(ends) <= expected

    run(scenario(), loop)
