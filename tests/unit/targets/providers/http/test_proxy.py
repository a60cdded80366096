"""Through an HTTP proxy: a tunnel for https, the whole URL for http, and what a proxy can refuse."""

import asyncio

import pytest

from headworks.errors import ProviderUnreachable
from headworks.secret import Secret
from headworks.targets.providers.client import Proxy, Timeouts, Tls, Upstream
from headworks.targets.providers.wire import Origin
from tests.unit.targets.providers.http.certificates import Authority
from tests.unit.targets.providers.http.house import ASK, LOOPS, got, house, run
from tests.unit.targets.providers.http.upstream import Gone, ScriptedUpstream, answer

PROOF = "Basic c2VjcmV0OmNhbmFyeQ=="


@pytest.fixture(params=sorted(LOOPS))
def loop(request):
    return request.param


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


async def served(line):
    while True:
        await line.request()
        await line.send(answer())


def tunnel_to(port):
    """A proxy that tunnels to one port, whatever it is asked for."""

    async def script(line):
        await line.request()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await line.send(b"HTTP/1.1 200 Connection established\r\nvia: proxy\r\n\r\n")
        back = asyncio.create_task(_copied(reader, line))
        while data := await line.part():
            writer.write(data)
        writer.close()
        await back

    return script


async def _copied(reader, line):
    try:
        while data := await reader.read(65536):
            await line.send(data)
    except (Gone, ConnectionError):
        pass
    line.close()


async def asked_through(at, proxy, authority, host="127.0.0.1", timeouts=None):
    """One call to an https origin through a proxy on a port."""
    origin = Origin("https", host, at.origin.port)
    way = Upstream(tls=Tls(ca_file=authority.ca_file), proxy=Proxy("127.0.0.1", proxy.port, Secret(PROOF)))
    at.client.allow(origin, way)
    deadline_ns = at.clock.now_ns + 10**11
    return await got(at.client.send(origin, ASK, timeouts or Timeouts(), deadline_ns))


def test_an_https_origin_is_asked_inside_a_tunnel_and_verified_there(authority, loop):
    async def scenario():
        async with house(served, tls=authority.server(), upstream=Upstream()) as at:
            async with ScriptedUpstream(tunnel_to(at.origin.port)) as proxy:
                replies = []
                for _ in range(3):
                    replies.append(await asked_through(at, proxy, authority, "localhost"))
                    at.clock.advance(s=1)
                head, _ = proxy.lines[0].requests[0]
                at.client.close()

                assert [reply.body for reply in replies] == [b"fine"] * 3
                assert len(proxy.lines) == 1
                assert head.startswith(b"CONNECT localhost:%d HTTP/1.1\r\nhost: localhost:" % at.origin.port)
                assert f"proxy-authorization: {PROOF}".encode() in head
                assert PROOF.encode() not in at.upstream.lines[0].requests[0][0]

    run(scenario(), loop)


def test_a_tunnel_to_another_host_than_asked_for_is_not_believed(authority, loop):
    async def scenario():
        tls = authority.server("elsewhere.example", address="127.0.0.9")
        async with house(served, tls=tls, upstream=Upstream()) as at:
            async with ScriptedUpstream(tunnel_to(at.origin.port)) as proxy:
                with pytest.raises(ProviderUnreachable):
                    await asked_through(at, proxy, authority)

                assert not any(line.requests for line in at.upstream.lines)

    run(scenario(), loop)


REFUSALS = {
    "forbidden": b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
    "wants a proof": b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
    "garbage": b"no http at all\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\na: " + b"b" * 20_000,
    "bytes before the tunnel": b"HTTP/1.1 200 OK\r\n\r\nwelcome",
    "no answer": b"",
    "half an answer": b"HTTP/1.1 200",
}


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_a_tunnel_that_is_refused_means_unreachable_and_tells_no_secret(kind, authority, loop):
    async def script(line):
        await line.request()
        await line.send(REFUSALS[kind])

    async def scenario():
        async with house(served, tls=authority.server(), upstream=Upstream()) as at, ScriptedUpstream(script) as proxy:
            with pytest.raises(ProviderUnreachable) as caught:
                await asked_through(at, proxy, authority)

            assert at.upstream.lines == []
            assert PROOF not in f"{caught.value!r} {caught.value.reason} {caught.value.detail}"

    run(scenario(), loop)


def test_a_proxy_that_does_not_answer_is_given_up_within_the_time_to_connect(authority, loop):
    async def script(line):
        await line.request()
        at[0].clock.advance(s=6)
        await line.gone()

    async def scenario():
        async with (
            house(served, tls=authority.server(), upstream=Upstream()) as here,
            ScriptedUpstream(script) as proxy,
        ):
            at.append(here)
            with pytest.raises(ProviderUnreachable):
                await asked_through(here, proxy, authority)

    at = []
    run(scenario(), loop)


def test_an_http_origin_is_asked_for_by_its_whole_url(loop):
    async def scenario():
        async with house(served) as at:
            origin = Origin("http", "models.example", 8080, "/v1")
            at.client.allow(origin, Upstream(proxy=Proxy("127.0.0.1", at.origin.port, Secret(PROOF))))
            reply = await got(at.client.send(origin, ASK, Timeouts(), at.clock.now_ns + 10**11))
            head, _ = at.upstream.lines[0].requests[0]

            assert reply.body == b"fine"
            assert head.startswith(b"POST http://models.example:8080/v1/say HTTP/1.1\r\nhost: models.example:8080\r\n")
            assert f"proxy-authorization: {PROOF}".encode() in head

    run(scenario(), loop)
