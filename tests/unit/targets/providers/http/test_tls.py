"""TLS to an upstream: whom the client trusts, who it says it is, and that a refusal sends nothing."""

import asyncio
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from headworks.errors import ConfigurationRefused, ProviderBroken, ProviderDown, ProviderUnreachable
from headworks.targets.providers.client import Tls, Upstream
from headworks.targets.providers.http.tls import context_of
from headworks.targets.providers.wire import HttpRequest
from tests.unit.targets.providers.http.certificates import Authority
from tests.unit.targets.providers.http.house import LOOPS, house, rest, run
from tests.unit.targets.providers.http.upstream import answer, chunked


@pytest.fixture(params=sorted(LOOPS))
def loop(request):
    return request.param


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


async def served(line):
    while True:
        await line.request()
        await line.send(chunked(b"fi", b"ne"))


def trusting(authority, **more):
    return Upstream(tls=Tls(ca_file=authority.ca_file, **more))


def test_an_own_authority_is_trusted_and_the_connection_is_used_again(authority, loop):
    async def scenario():
        async with house(served, upstream=trusting(authority), tls=authority.server(), scheme="https") as at:
            bodies = []
            for _ in range(5):
                bodies.append((await at.ask(HttpRequest("POST", "/", body=bytes(300_000)))).body)
                at.clock.advance(s=1)
            pieces = await rest(await at.open())
            (line,) = at.upstream.lines

            assert bodies == [b"fine"] * 5
            assert b"".join(pieces) == b"fine"
            assert line._writer.get_extra_info("ssl_object").version() == "TLSv1.3"

    run(scenario(), loop)


def test_http_1_1_is_agreed_on_even_where_http_2_is_offered(authority, loop):
    async def scenario():
        tls = authority.server()
        tls.set_alpn_protocols(["h2", "http/1.1"])
        async with house(served, upstream=trusting(authority), tls=tls, scheme="https") as at:
            await at.ask()

            assert at.upstream.lines[0]._writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"

    run(scenario(), loop)


def _unknown_authority(authority, folder):
    (folder / "other").mkdir()
    return Authority(folder / "other").server()


SERVERS_NOT_BELIEVED = {
    "another host": lambda authority, folder: authority.server("elsewhere.example", address="127.0.0.9"),
    "an expired certificate": lambda authority, folder: authority.server(days=-1),
    "an unknown authority": _unknown_authority,
    "an old protocol": lambda authority, folder: authority.server(newest=ssl.TLSVersion.TLSv1_1),
}


@pytest.mark.filterwarnings("ignore:.*TLSv1_1.*:DeprecationWarning")
@pytest.mark.parametrize("kind", sorted(SERVERS_NOT_BELIEVED))
def test_a_server_that_is_not_believed_gets_nothing(kind, authority, tmp_path, loop):
    async def scenario():
        tls = SERVERS_NOT_BELIEVED[kind](authority, tmp_path)
        async with house(served, upstream=trusting(authority), tls=tls, scheme="https") as at:
            with pytest.raises(ProviderUnreachable):
                await at.ask()

            assert not any(line.requests for line in at.upstream.lines)

    run(scenario(), loop)


def test_the_systems_authorities_do_not_cover_an_unknown_one(authority):
    async def scenario():
        async with house(served, tls=authority.server(), scheme="https") as at:
            with pytest.raises(ProviderUnreachable) as caught:
                await at.ask()

            assert "certificate" in caught.value.reason

    run(scenario())


def test_a_server_that_asks_who_we_are_is_shown_our_certificate(authority, loop):
    async def scenario():
        certificate_file, key_file = authority.pair("client")
        upstream = trusting(authority, certificate_file=certificate_file, key_file=key_file)
        tls = authority.server(wants_client=True)
        async with house(served, upstream=upstream, tls=tls, scheme="https") as at:
            reply = await at.ask()
            shown = at.upstream.lines[0]._writer.get_extra_info("ssl_object").getpeercert()

            assert reply.body == b"fine"
            assert shown["subject"] == ((("commonName", "client"),),)

    run(scenario(), loop)


def test_without_a_certificate_such_a_server_cannot_be_asked(authority, loop):
    async def scenario():
        tls = authority.server(wants_client=True)
        async with house(served, upstream=trusting(authority), tls=tls, scheme="https") as at:
            with pytest.raises((ProviderUnreachable, ProviderDown)):  # in TLS 1.3 the refusal comes after the handshake
                await at.ask()

            assert not any(line.requests for line in at.upstream.lines)

    run(scenario(), loop)


def test_an_answer_without_a_length_is_not_whole_when_tls_did_not_say_so(authority, loop):
    async def script(line):
        await line.request()
        await line.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await asyncio.sleep(0)
        line.half_close_now()
        await line.gone()

    async def scenario():
        async with house(script, upstream=trusting(authority), tls=authority.server(), scheme="https") as at:
            with pytest.raises((ProviderDown, ProviderBroken)):
                await at.ask()

    run(scenario(), loop)


def test_an_answer_without_a_length_is_whole_when_tls_was_closed(authority, loop):
    async def script(line):
        await line.request()
        await line.send(b"HTTP/1.1 200 OK\r\n\r\nfine")

    async def scenario():
        async with house(script, upstream=trusting(authority), tls=authority.server(), scheme="https") as at:
            reply = await at.ask()

            assert reply.body == b"fine"

    run(scenario(), loop)


def test_a_server_that_hangs_up_in_the_handshake_is_unreachable(authority, loop):
    async def script(line):
        await line.part()
        line.reset() if line.number else line.close()

    async def scenario():
        async with house(script, upstream=trusting(authority), scheme="https") as at:
            for _ in range(2):
                with pytest.raises(ProviderUnreachable):
                    await at.ask()

    run(scenario(), loop)


def test_files_that_are_none_are_refused_at_once(authority, tmp_path):
    certificate_file, key_file = authority.pair("client")
    (tmp_path / "noise").write_text("noise")
    key = serialization.load_pem_private_key((tmp_path / "client.key").read_bytes(), None)
    form, locked = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pass")
    (tmp_path / "locked").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    for tls in (
        Tls(ca_file=str(tmp_path / "missing")),
        Tls(ca_file=str(tmp_path / "noise")),
        Tls(certificate_file=certificate_file, key_file=str(tmp_path / "noise")),
        Tls(certificate_file=certificate_file, key_file=str(tmp_path / "locked")),
        Tls(certificate_file=authority.ca_file, key_file=key_file),
    ):
        with pytest.raises(ConfigurationRefused):
            context_of(tls)


def test_nothing_weakens_what_is_verified():
    context = context_of(Tls())

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_plain_server_behind_an_https_origin_gets_no_request(authority, loop):
    async def script(line):
        await line.part()
        await line.send(answer())
        await line.gone()

    async def scenario():
        async with house(script, upstream=trusting(authority), scheme="https") as at:
            with pytest.raises(ProviderUnreachable):
                await at.ask()

    run(scenario(), loop)
