"""The client against a scripted upstream, on both event loops."""

import asyncio
from contextlib import suppress

import pytest
from msgspec import structs

from headworks.errors import ConfigurationRefused, Internal
from headworks.targets.providers.client import Client, ClientSettings, Tls, Upstream, host_field
from headworks.targets.providers.wire import HttpRequest, Origin
from headworks.units import SystemClock
from tests.unit.targets.providers.http.house import ASK, LOOPS, got, house, rest, run, until
from tests.unit.targets.providers.http.upstream import Gone, answer, chunked

GONE = Upstream(tls=Tls(ca_file="/nowhere/ca.pem"))


@pytest.fixture(params=sorted(LOOPS))
def loop(request):
    return request.param


def always(data):
    async def script(line):
        while True:
            await line.request()
            await line.send(data)

    return script


def test_a_request_carries_what_was_asked_and_the_answer_comes_back_whole(loop):
    async def scenario():
        async with house(always(answer(b"fine", fields=b"X-Id: 7\r\n")), path="/v1") as at:
            reply = await at.ask(HttpRequest("POST", "/chat?a=1", (("x-key", "k"),), b"hello"))
            head, body = at.upstream.lines[0].requests[0]

            assert (reply.status, reply.body, reply.headers["x-id"]) == (200, b"fine", "7")
            assert head.startswith(b"POST /v1/chat?a=1 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % at.origin.port)
            assert b"\r\nx-key: k\r\ncontent-length: 5\r\n\r\n" in head
            assert b"accept-encoding: identity" in head
            assert body == b"hello"

    run(scenario(), loop)


def test_one_connection_serves_call_after_call(loop):
    async def scenario():
        async with house(always(chunked(b"a", b"bc"))) as at:
            bodies = [(await at.ask()).body for _ in range(20)]

            assert bodies == [b"abc"] * 20
            assert len(at.upstream.lines) == 1

    run(scenario(), loop)


def test_calls_at_once_share_a_bounded_number_of_connections_in_order(loop):
    async def scenario():
        settings = ClientSettings(upstream=Upstream(max_connections=3))
        async with house(always(answer()), settings) as at:
            calls = [at.send() for _ in range(50)]
            finished = []
            for number, call in enumerate(calls):
                call.when_done(lambda number=number: finished.append(number))
            await until(lambda: len(finished) == 50)

            assert len(at.upstream.lines) == 3
            assert all(abs(place - number) <= 3 for place, number in enumerate(finished))

    run(scenario(), loop)


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        ("POST", b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        (
            "POST",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n0\r\nx: y\r\n\r\n",
        ),
    ],
)
def test_an_answer_without_a_body_leaves_its_connection_usable(method, data):
    async def scenario():
        async with house(always(data)) as at:
            replies = [await at.ask(HttpRequest(method, "/")) for _ in range(2)]

            assert [reply.body for reply in replies] == [b"", b""]
            assert len(at.upstream.lines) == 1

    run(scenario())


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nfine",
        b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nfine",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine, and more",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
    ],
)
def test_a_connection_that_cannot_be_trusted_any_more_is_closed_after_a_whole_answer(data):
    async def scenario():
        async with house(always(data)) as at:
            bodies = [(await at.ask()).body for _ in range(3)]

            assert bodies == [b"fine"] * 3
            assert len(at.upstream.lines) == 3

    run(scenario())


def test_a_redirect_is_an_answer_like_any_other():
    async def scenario():
        async with house(always(answer(b"", status=b"302 Found", fields=b"location: http://127.0.0.1:1/\r\n"))) as at:
            reply = await at.ask()

            assert (reply.status, reply.headers["location"]) == (302, "http://127.0.0.1:1/")

    run(scenario())


def test_a_stream_gives_each_piece_as_it_comes_and_ends_exactly(loop):
    async def scenario():
        async def script(line):
            while True:
                await line.request()
                await line.send(chunked(b"one", end=b""))
                await taken[0].wait()
                await line.send(b"3\r\ntwo\r\n")
                await taken[1].wait()
                await line.send(b"5\r\nthree\r\n0\r\n\r\n")

        taken = [asyncio.Event(), asyncio.Event()]
        async with house(script) as at:
            stream = await at.open()
            first = await got(stream.next())
            taken[0].set()
            second = await got(stream.next())
            taken[1].set()
            last = await rest(stream)
            after = await got(stream.next())

            assert (stream.status, first, second, last, after) == (200, b"one", b"two", [b"three"], None)
            assert at.client.counts(at.origin) == (1, 1, 0)

    run(scenario(), loop)


def test_new_settings_of_an_origin_are_for_new_calls_and_what_is_under_way_ends_as_it_began(loop):
    async def scenario():
        told, closed = asyncio.Event(), []

        async def script(line):
            with suppress(Gone):
                while True:
                    head, _ = await line.request()
                    if head.startswith(b"POST /slow "):
                        await told.wait()
                    await line.send(answer(b"fine"))
            closed.append(line.number)

        async with house(script) as at:
            await asyncio.gather(got(at.send()), got(at.send()))
            slow = at.send(HttpRequest("POST", "/slow", body=b"{}"))
            at.client.allow(at.origin, Upstream(max_connections=1))
            counts = at.client.counts(at.origin)
            new = await asyncio.gather(got(at.send()), got(at.send()))
            told.set()
            old = await got(slow)
            await until(lambda: len(closed) == 2)

            assert counts == (0, 0, 0)
            assert [reply.body for reply in (*new, old)] == [b"fine"] * 3
            assert sorted(len(line.requests) for line in at.upstream.lines[:2]) == [1, 2]
            assert [len(line.requests) for line in at.upstream.lines[2:]] == [2]
            assert at.client.counts(at.origin) == (1, 1, 0)

    run(scenario(), loop)


def test_settings_that_cannot_be_used_leave_an_origin_as_it_was():
    async def scenario():
        async with house(always(answer(b"fine"))) as at:
            await at.ask()
            secure = structs.replace(at.origin, scheme="https")
            at.client.allow(secure)
            with pytest.raises(ConfigurationRefused):
                at.client.allow(secure, Upstream(tls=Tls(ca_file="/nowhere.pem")))
            reply = await at.ask()

            assert reply.body == b"fine"
            assert len(at.upstream.lines) == 1

    run(scenario())


def test_an_origin_that_was_not_registered_is_never_connected_to():
    async def scenario():
        async with house(always(answer())) as at:
            other = Origin("http", "localhost", at.origin.port)
            with pytest.raises(Internal):
                at.client.send(other, ASK, None, 0)

            assert at.upstream.lines == []

    run(scenario())


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "/", (("x", "a\r\nb: c"),)),
        HttpRequest("POST", "/", (("x", "a\nb: c"),)),
        HttpRequest("POST", "/", (("x", "a\0"),)),
        HttpRequest("POST", "/", (("x", "\N{SNOWMAN}"),)),
        HttpRequest("POST", "/", (("x y", "a"),)),
        HttpRequest("POST", "/", (("x: y", "a"),)),
        HttpRequest("POST", "/", (("host", "elsewhere"),)),
        HttpRequest("POST", "/", (("content-length", "0"),)),
        HttpRequest("POST", "/", (("transfer-encoding", "chunked"),)),
        HttpRequest("POST /", "/"),
        HttpRequest("POST", ""),
        HttpRequest("POST", "http://elsewhere/"),
        HttpRequest("POST", "/a b"),
        HttpRequest("POST", "/a\r\nx: y"),
        HttpRequest("POST", "/a/../../b"),
        HttpRequest("POST", "/a#b"),
    ],
)
def test_a_request_that_must_not_be_written_is_refused_before_anything_is_sent(request_):
    async def scenario():
        async with house(always(answer())) as at:
            with pytest.raises(Internal) as caught:
                at.send(request_)

            assert "b: c" not in caught.value.reason
            assert at.upstream.lines == []

    run(scenario())


@pytest.mark.parametrize(
    "origin",
    [
        Origin("ftp", "a", 1),
        Origin("http", "a b", 1),
        Origin("http", "a@b", 1),
        Origin("http", "a/b", 1),
        Origin("http", "", 1),
        Origin("http", "a", 0),
        Origin("http", "a", 70000),
        Origin("http", "a", 1, "/v1/"),
        Origin("http", "a", 1, "/../v1"),
        Origin("http", "a", 1, "v1"),
    ],
)
def test_a_malformed_origin_is_refused_with_its_part(origin):
    async def scenario():
        client = Client(asyncio.get_running_loop(), SystemClock())
        with pytest.raises(ConfigurationRefused) as caught:
            client.allow(origin)

        assert caught.value.errors[0].pointer in {"/scheme", "/host", "/port", "/path"}

    run(scenario())


def test_the_port_stands_in_host_unless_it_is_the_schemes_own():
    assert host_field(Origin("https", "a.example", 443)) == "a.example"
    assert host_field(Origin("https", "a.example", 8443)) == "a.example:8443"
    assert host_field(Origin("http", "[::1]", 80)) == "[::1]"


@pytest.mark.parametrize("bound", ["max_head_bytes", "max_body_bytes", "stream_buffer_bytes"])
def test_a_bound_outside_its_range_is_refused_by_name(bound):
    with pytest.raises(ValueError, match=bound):
        ClientSettings(**{bound: 0})


def test_what_is_made_ready_is_not_used_before_it_is_said_so(loop):
    async def scenario():
        async with house(always(answer())) as at:
            await at.ask()
            wider = at.client.pools({at.origin: Upstream(max_connections=7)})
            with pytest.raises(ConfigurationRefused):
                at.client.pools({at.origin: Upstream(), Origin("https", "127.0.0.1", 9, ""): GONE})
            await at.ask()
            before = len(at.upstream.lines)
            at.client.use(wider)
            await at.ask()

            assert (before, len(at.upstream.lines)) == (1, 2)
            assert at.client.pools({at.origin: Upstream(max_connections=7)}) == wider
            assert at.client.counts(at.origin) == (1, 1, 0)

    run(scenario(), loop)


def test_an_origin_that_is_named_no_more_is_closed_one_change_later(loop):
    async def scenario():
        async with house(always(answer())) as at, house(always(answer())) as other:
            usual = at.client.pools({at.origin: Upstream()})
            elsewhere = at.client.pools({other.origin: Upstream()})
            await at.ask()
            at.client.use(elsewhere)
            late = await at.ask()
            at.client.use(elsewhere)

            assert late.status == 200
            with pytest.raises(Internal):
                at.send()
            at.client.use(usual)
            assert (await at.ask()).status == 200

    run(scenario(), loop)
