"""What an upstream can do wrong: the right error each time, in bounded time and memory, and the next call works."""

import asyncio
import gzip
import zlib

import pytest

from headworks.errors import ProviderBroken, ProviderDown, ProviderUnreachable
from headworks.targets.providers.client import ClientSettings, Timeouts
from headworks.targets.providers.wire import HttpRequest, Origin
from tests.unit.targets.providers.http.house import ASK, LOOPS, got, house, rest, run, until
from tests.unit.targets.providers.http.upstream import answer, chunked

SMALL = ClientSettings(max_head_bytes=2048, max_fields=20, max_body_bytes=4096, max_unpacked_bytes=8192)
OK = b"HTTP/1.1 200 OK\r\n"
SECRET = b"sk-never-in-an-error"
BOMB = gzip.compress(bytes(50 * 2**20))
FIRST_PIECES = {
    "nothing": b"",
    "a part of the head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "the head": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    "a part of the body": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
    "a part of a chunk line": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1",
    "a part of a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nhalf",
    "all but the last chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "all but the end of the trailer": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\r\n",
}
GARBAGE = {
    "noise": b"\x16\x03\x01\x02" * 20,
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "an old protocol": b"ICY 200 OK\r\n\r\n",
    "another version": b"HTTP/2 200\r\ncontent-length: 0\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\ncontent-length: 0\r\n\r\n",
    "a long status": b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
    "a low status": b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n\r\n\r\n",
    "a bare line feed in a field": OK + b"a: b\nc: d\r\ncontent-length: 0\r\n\r\n",
    "a bare carriage return": OK + b"a: b\rc: d\r\ncontent-length: 0\r\n\r\n",
    "NUL in a field": OK + b"a: \0\r\ncontent-length: 0\r\n\r\n",
    "a folded field": OK + b"a: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "a field without a colon": OK + b"content-length\r\n\r\n",
    "a space before the colon": OK + b"content-length : 0\r\n\r\n",
    "a field without a name": OK + b": 0\r\n\r\n",
    "too many fields": OK + b"a: b\r\n" * 21 + b"\r\n",
    "too large a head": OK + b"a: " + b"b" * 3000 + b"\r\n\r\n",
    "a head without an end": OK + b"a: " + b"b" * 3000,
    "two lengths": OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a list of lengths": OK + b"content-length: 1, 1\r\n\r\na",
    "a negative length": OK + b"content-length: -1\r\n\r\n",
    "a signed length": OK + b"content-length: +1\r\n\r\na",
    "a length with a point": OK + b"content-length: 1.0\r\n\r\na",
    "a length in other digits": OK + "content-length: \u00b2\r\n\r\n".encode("latin-1"),
    "an endless length": OK + b"content-length: 99999999999999999999\r\n\r\n",
    "length and chunks": OK + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "another transfer coding": OK + b"transfer-encoding: gzip\r\n\r\n",
    "chunked and another": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a protocol not asked for": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",
    "endless interim heads": b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
    "a chunk without a size": chunked(end=b"\r\n\r\n"),
    "a chunk size that is none": chunked(end=b"g\r\n\r\n"),
    "a chunk size with a sign": chunked(end=b"+1\r\na\r\n0\r\n\r\n"),
    "a chunk size with a prefix": chunked(end=b"0x1\r\na\r\n0\r\n\r\n"),
    "a chunk size with white space": chunked(end=b"1 \r\na\r\n0\r\n\r\n"),
    "an endless chunk size": chunked(end=b"fffffffff\r\n"),
    "an endless chunk line": chunked(end=b"1;" + b"a" * 300),
    "a chunk that is too long": chunked(end=b"1\r\nab\r\n0\r\n\r\n"),
    "a chunk without its end": chunked(end=b"1\r\na0\r\n\r\n"),
    "a chunk that ends half": chunked(end=b"1\r\na\rb"),
    "a trailer that is none": chunked(b"a", end=b"0\r\nno trailer\r\n\r\n"),
    "endless trailers": chunked(b"a", end=b"0\r\n" + b"a: b\r\n" * 2000),
    "a length above the bound": OK + b"content-length: 4097\r\n\r\n",
    "chunks above the bound": chunked(*[bytes(1000)] * 5),
    "an end above the bound": OK + b"\r\n" + bytes(5000),
    "a gzip bomb": answer(BOMB[:4000], fields=b"content-encoding: gzip\r\n"),
    "a gzip bomb in chunks": chunked(BOMB[:1000], BOMB[1000:2000], fields=b"content-encoding: gzip\r\n"),
    "a deflate bomb": answer(zlib.compress(bytes(10_000)), fields=b"content-encoding: deflate\r\n"),
    "half a gzip": answer(gzip.compress(b"fine")[:-4], fields=b"content-encoding: gzip\r\n"),
    "no gzip at all": answer(b"fine", fields=b"content-encoding: gzip\r\n"),
    "bytes behind a gzip": answer(gzip.compress(b"fine") + b"x", fields=b"content-encoding: gzip\r\n"),
    "a byte of deflate": answer(b"x", fields=b"content-encoding: deflate\r\n"),
    "another coding": answer(b"fine", fields=b"content-encoding: br\r\n"),
    "two codings": answer(b"fine", fields=b"content-encoding: gzip, gzip\r\n"),
}  # fmt: skip


@pytest.fixture(params=sorted(LOOPS))
def loop(request):
    return request.param


def once(fault):
    """The first connection runs into the fault, every later one is served."""

    async def script(line):
        if line.number == 0:
            await line.request()
            await fault(line)
        else:
            while True:
                await line.request()
                await line.send(answer())

    return script


async def failure(at, *, streamed=False):
    """How the first call fails, with the proof that its connection is gone and the next call is served."""
    request = HttpRequest("POST", "/", (("authorization", SECRET.decode()),), b"{}")
    with pytest.raises(Exception) as caught:
        if streamed:
            await rest(await at.open(request))
        else:
            await at.ask(request)
    await until(lambda: at.client.counts(at.origin) == (0, 0, 0))
    reply = await at.ask()

    assert reply.body == b"fine"
    return caught.value


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("first", sorted(FIRST_PIECES))
def test_a_reset_says_that_the_provider_is_down(first, streamed, loop):
    async def fault(line):
        await line.send(FIRST_PIECES[first])
        line.reset()

    async def scenario():
        async with house(once(fault)) as at:
            error = await failure(at, streamed=streamed)

            assert type(error) is ProviderDown

    run(scenario(), loop)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("ending", ["close", "half_close"])
@pytest.mark.parametrize("first", sorted(FIRST_PIECES))
def test_an_answer_that_ends_early_is_broken_and_none_at_all_means_down(first, ending, streamed, loop):
    async def fault(line):
        await line.send(FIRST_PIECES[first])
        getattr(line, ending)()
        await line.gone()

    async def scenario():
        async with house(once(fault)) as at:
            error = await failure(at, streamed=streamed)

            assert type(error) is (ProviderBroken if FIRST_PIECES[first] else ProviderDown)

    run(scenario(), loop)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", sorted(GARBAGE))
def test_an_answer_that_is_no_http_or_too_much_is_broken(kind, streamed):
    async def fault(line):
        await line.send(GARBAGE[kind] + SECRET)
        await line.gone() if "end above" not in kind else line.close()

    async def scenario():
        bounds = ClientSettings(max_head_bytes=2048, max_fields=20, max_stream_bytes=4096) if streamed else SMALL
        async with house(once(fault), bounds) as at:
            error = await failure(at, streamed=streamed)

            assert type(error) is ProviderBroken
            assert SECRET.decode() not in f"{error} {error.detail} {error.reason}"
            assert error.reason

    run(scenario())


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (answer(b"fine"), b"fine"),
        (chunked(b"fi", b"ne", fields=b"date: now\r\n", end=b"0;x=y\r\na: b\r\n\r\n"), b"fine"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"fine"), b"fine"),
        (answer(gzip.compress(b"fine"), fields=b"content-encoding: gzip\r\n"), b"fine"),
        (chunked(gzip.compress(b"fine" * 900), fields=b"Content-Encoding: x-gzip\r\n"), b"fine" * 900),
        (answer(zlib.compress(b"fine"), fields=b"content-encoding: deflate\r\n"), b"fine"),
        (answer(zlib.compress(b"fine", wbits=-15), fields=b"content-encoding: deflate\r\n"), b"fine"),
        (answer(b"", status=b"500 ", fields=b"empty:\r\n"), b""),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_comes_byte_by_byte_is_read_like_any_other(data, body, streamed, loop):
    async def script(line):
        while True:
            await line.request()
            await line.slowly(data)

    async def scenario():
        async with house(script) as at:
            for _ in range(2):
                found = b"".join(await rest(await at.open())) if streamed else (await at.ask()).body

                assert found == body
            assert len(at.upstream.lines) == 1

    run(scenario(), loop)


def test_an_answer_without_a_length_ends_with_its_connection(loop):
    async def script(line):
        await line.request()
        await line.send(b"HTTP/1.1 200 OK\r\n\r\nfi")
        await line.send(b"ne")
        line.close()

    async def scenario():
        async with house(script) as at:
            replies = [await at.ask(), await at.ask()]

            assert [reply.body for reply in replies] == [b"fine", b"fine"]
            assert len(at.upstream.lines) == 2

    run(scenario(), loop)


def test_a_coded_answer_does_not_say_any_more_that_it_is():
    async def script(line):
        await line.request()
        await line.send(answer(gzip.compress(b"fine"), fields=b"content-encoding: gzip\r\nx: y\r\n"))

    async def scenario():
        async with house(script) as at:
            reply = await at.ask()

            assert reply.headers == {"x": "y"}

    run(scenario())


def test_bytes_on_an_idle_connection_close_it(loop):
    async def script(line):
        await line.request()
        await line.send(answer())
        if line.number == 0:
            await heard.wait()
            await line.send(answer(b"who asked"))
        await line.gone()

    async def scenario():
        async with house(script) as at:
            await at.ask()
            heard.set()
            await until(lambda: at.client.counts(at.origin) == (0, 0, 0))
            reply = await at.ask()

            assert reply.body == b"fine"
            assert len(at.upstream.lines) == 2

    heard = asyncio.Event()
    run(scenario(), loop)


def test_an_idle_connection_that_was_closed_is_noticed_before_anything_is_sent_on_it(loop):
    async def script(line):
        while True:
            await line.request()
            await line.send(answer())

    async def scenario():
        async with house(script) as at:
            await at.ask()
            at.clock.advance(s=1)
            at.upstream.lines[0].half_close_now()  # the loop does not know of it yet
            reply = await at.ask()

            assert reply.body == b"fine"
            assert [len(line.requests) for line in at.upstream.lines] == [1, 1]

    run(scenario(), loop)


def test_a_connection_closed_as_we_send_fails_the_call_and_the_request_is_not_sent_again(loop):
    async def script(line):
        await line.request()
        await line.send(answer())
        await line.request()
        line.close()

    async def scenario():
        async with house(script) as at:
            await at.ask()
            with pytest.raises(ProviderDown):
                await at.ask()

            assert [len(line.requests) for line in at.upstream.lines] == [2]

    run(scenario(), loop)


def test_nobody_listening_means_unreachable(loop):
    async def scenario():
        async with house(None) as at:
            free = Origin("http", "127.0.0.1", 1)
            at.client.allow(free)
            with pytest.raises(ProviderUnreachable):
                await got(at.client.send(free, ASK, Timeouts(), at.clock.now_ns + 10**10))

            assert at.client.counts(free) == (0, 0, 0)

    run(scenario(), loop)


def test_a_name_that_does_not_resolve_means_unreachable(loop):
    async def scenario():
        async with house(None) as at:
            nowhere = Origin("http", "nowhere.invalid", 80)
            at.client.allow(nowhere)
            with pytest.raises(ProviderUnreachable):
                await got(at.client.send(nowhere, ASK, Timeouts(), at.clock.now_ns + 10**10))

            assert at.client.counts(nowhere) == (0, 0, 0)

    run(scenario(), loop)


def test_an_answer_before_the_request_is_read_whole_is_given_and_its_connection_closed():
    async def script(line):
        if await line.part():
            await line.send(answer(b"too large", status=b"413 Content Too Large"))
        await line.gone()

    async def scenario():
        async with house(script) as at:
            reply = await at.ask(HttpRequest("POST", "/", body=bytes(32 * 2**20)))

            assert (reply.status, reply.body) == (413, b"too large")
            await until(lambda: at.client.counts(at.origin) == (0, 0, 0))

    run(scenario())
