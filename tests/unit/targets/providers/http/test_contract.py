"""What any HTTP client in this place must do: ours on both loops, and one on aiohttp, held to the same tests."""

import asyncio
import gzip
import time
from contextlib import asynccontextmanager

import pytest

from headworks.errors import (
    DeadlineExceeded,
    Internal,
    ProviderBroken,
    ProviderDown,
    ProviderTimeout,
    ProviderUnreachable,
)
from headworks.targets.providers.client import Client, Timeouts, Tls, Upstream
from headworks.targets.providers.wire import HttpRequest, Origin
from headworks.units import SECOND_NS, SystemClock
from tests.unit.targets.providers.http.certificates import Authority
from tests.unit.targets.providers.http.house import ASK, USUAL, got, rest, run
from tests.unit.targets.providers.http.library import LibraryClient
from tests.unit.targets.providers.http.upstream import ScriptedUpstream, answer, chunked

KINDS = {
    "ours on asyncio": (Client, "asyncio"),
    "ours on uvloop": (Client, "uvloop"),
    "aiohttp": (LibraryClient, "asyncio"),
}
SHORT = Timeouts(connect_s=5, first_byte_s=0.1, idle_s=0.1, total_s=5)


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return request.param


class Place:
    """A client of one kind beside an upstream, on the real clock."""

    def __init__(self, client, origin, upstream):
        self.client, self.origin, self.upstream = client, origin, upstream

    def send(self, request=ASK, timeouts=USUAL, within_s=30):
        return self.client.send(self.origin, request, timeouts, time.monotonic_ns() + int(within_s * SECOND_NS))

    async def ask(self, *given, **more):
        return await got(self.send(*given, **more))

    async def open(self, timeouts=USUAL):
        return await got(self.client.stream(self.origin, ASK, timeouts, time.monotonic_ns() + 30 * SECOND_NS))


@asynccontextmanager
async def place(kind, script, *, tls=None, upstream=None):
    client = KINDS[kind][0](asyncio.get_running_loop(), SystemClock())
    async with ScriptedUpstream(script, tls) as scripted:
        origin = Origin("https" if tls else "http", "127.0.0.1", scripted.port)
        client.allow(origin, upstream)
        try:
            yield Place(client, origin, scripted)
        finally:
            closing = client.close()
            if closing is not None:
                await closing


def held(kind, scenario):
    run(scenario(), KINDS[kind][1])


def always(data, *, ends=False):
    async def script(line):
        while True:
            await line.request()
            await line.send(data)
            if ends:
                return

    return script


WHOLE = {
    "a length": answer(b"fine"),
    "chunks": chunked(b"fi", b"ne"),
    "gzip": answer(gzip.compress(b"fine"), fields=b"content-encoding: gzip\r\n"),
    "after an interim head": b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"fine"),
    "an error": answer(b"fine", status=b"429 Too Many Requests", fields=b"retry-after: 7\r\n"),
    "a redirect": answer(b"fine", status=b"307 Temporary Redirect", fields=b"location: http://127.0.0.1:1/\r\n"),
}


@pytest.mark.parametrize("how", sorted(WHOLE))
def test_a_whole_answer_comes_back_and_its_connection_is_used_again(how, kind):
    async def scenario():
        async with place(kind, always(WHOLE[how])) as at:
            bodies = [(await at.ask()).body for _ in range(3)]

            assert bodies == [b"fine"] * 3
            assert len(at.upstream.lines) == 1

    held(kind, scenario)


def test_status_and_fields_come_back_in_lower_case(kind):
    async def scenario():
        async with place(kind, always(answer(status=b"418 Teapot", fields=b"X-Id: 7\r\n"))) as at:
            reply = await at.ask()

            assert (reply.status, reply.headers["x-id"]) == (418, "7")

    held(kind, scenario)


def test_an_answer_that_ends_with_its_connection_is_whole(kind):
    async def scenario():
        async with place(kind, always(b"HTTP/1.1 200 OK\r\n\r\nfine", ends=True)) as at:
            bodies = [(await at.ask()).body for _ in range(2)]

            assert bodies == [b"fine"] * 2
            assert len(at.upstream.lines) == 2

    held(kind, scenario)


def test_a_stream_gives_what_came_before_it_ends(kind):
    async def scenario():
        async def script(line):
            await line.request()
            await line.send(chunked(b"one", end=b""))
            await taken.wait()
            await line.send(b"3\r\ntwo\r\n0\r\n\r\n")
            await line.gone()

        taken = asyncio.Event()
        async with place(kind, script) as at:
            stream = await at.open()
            first = await got(stream.next())
            taken.set()
            last = await rest(stream)

            assert (stream.status, first, last) == (200, b"one", [b"two"])

    held(kind, scenario)


def test_a_stream_that_is_cut_off_gives_what_came_and_then_fails(kind):
    async def scenario():
        async def script(line):
            await line.request()
            await line.send(chunked(b"one", end=b""))
            await taken.wait()

        taken = asyncio.Event()
        async with place(kind, script) as at:
            stream = await at.open()
            first = await got(stream.next())
            taken.set()
            with pytest.raises(ProviderBroken):
                await rest(stream)
            stream.cancel()

            assert first == b"one"

    held(kind, scenario)


FAULTS = {
    "no answer": (b"", ProviderDown),
    "half a body": (answer(b"fine")[:-2], ProviderBroken),
    "half the chunks": (chunked(b"fine", end=b""), ProviderBroken),
    "garbage": (b"no http at all\r\n\r\n", ProviderBroken),
    "no length": (b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", ProviderBroken),
    "no chunk": (chunked(end=b"many\r\n"), ProviderBroken),
    "no gzip": (answer(b"fine", fields=b"content-encoding: gzip\r\n"), ProviderBroken),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_has_the_right_class(fault, kind):
    data, error = FAULTS[fault]

    async def scenario():
        async with place(kind, always(data, ends=True)) as at:
            with pytest.raises(error):
                await at.ask()

    held(kind, scenario)


def test_nobody_listening_is_unreachable(kind):
    async def scenario():
        async with place(kind, None) as at:
            at.origin = Origin("http", "127.0.0.1", 1)
            at.client.allow(at.origin)
            with pytest.raises(ProviderUnreachable):
                await at.ask()

    held(kind, scenario)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_a_stall_is_a_timeout_and_the_connection_is_closed(first, kind):
    async def scenario():
        async def script(line):
            await line.request()
            await line.send(first)
            await line.gone()
            left.set()

        left = asyncio.Event()
        async with place(kind, script) as at:
            with pytest.raises(ProviderTimeout):
                await at.ask(timeouts=SHORT)
            await left.wait()

    held(kind, scenario)


def test_the_deadline_ends_a_call_as_such(kind):
    async def scenario():
        async def script(line):
            await line.request()
            await line.gone()

        async with place(kind, script) as at:
            with pytest.raises(DeadlineExceeded):
                await at.ask(within_s=0.1)

    held(kind, scenario)


@pytest.mark.parametrize("how", ["whole", "stream"])
def test_giving_up_closes_the_connection(how, kind):
    async def scenario():
        async def script(line):
            await line.request()
            await line.send(chunked(b"one", end=b""))
            reached.set()
            await line.gone()
            left.set()

        reached, left = asyncio.Event(), asyncio.Event()
        async with place(kind, script) as at:
            if how == "whole":
                call = at.send()
                await reached.wait()
                call.abandon()
            else:
                (await at.open()).cancel()
            await left.wait()

    held(kind, scenario)


def test_an_unregistered_origin_and_a_second_line_in_a_field_are_refused(kind):
    async def scenario():
        async with place(kind, always(answer())) as at:
            with pytest.raises(Internal):
                await at.ask(HttpRequest("POST", "/", (("x", "a\r\nb: c"),)))
            at.origin = Origin("http", "localhost", at.origin.port)
            with pytest.raises(Internal):
                at.send()

            assert not any(line.requests for line in at.upstream.lines)

    held(kind, scenario)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_certificate_must_be_for_the_host(is_right, kind, tmp_path):
    authority = Authority(tmp_path)
    tls = authority.server("localhost", address="127.0.0.1" if is_right else "127.0.0.9")

    async def scenario():
        upstream = Upstream(tls=Tls(ca_file=authority.ca_file))
        async with place(kind, always(answer()), tls=tls, upstream=upstream) as at:
            if is_right:
                reply = await at.ask()

                assert reply.body == b"fine"
            else:
                with pytest.raises(ProviderUnreachable):
                    await at.ask()

    held(kind, scenario)
