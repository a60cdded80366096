import asyncio
import datetime as dt
import json
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect

from headworks.edge.gate import served_hosts
from headworks.edge.limits import Bind, EdgeLimits, TlsFiles
from headworks.edge.server import tls_context, valid_until
from headworks.errors import ConfigurationRefused
from tests.fakes_edge import FakeApp, run_edge

REQUEST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"


def write_pair(folder, name, key=None):
    """A self-signed certificate for localhost and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=9))
    alternative = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return TlsFiles(str(folder / "cert.pem"), str(folder / "key.pem"))


def make_client_context(newest=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = newest
    return context


def common_name(client):
    der = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(der).subject.rfc4514_string()


def test_tls_is_1_3_and_says_so_in_every_reply(tmp_path):
    async def scenario(bench):
        client = await bench.connect(ssl=make_client_context())
        status, headers, _ = await client.ask(REQUEST)

        assert status == 200
        assert headers["strict-transport-security"] == "max-age=63072000"
        assert bench.app.seen[0].is_secure
        assert client.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        with pytest.raises(OSError):  # an alert, or a reset that overtook it
            await bench.connect(ssl=make_client_context(ssl.TLSVersion.TLSv1_2))

    run_edge(scenario, tls=write_pair(tmp_path, "first"))


def test_bodies_refusals_and_websockets_work_over_tls(tmp_path):
    async def scenario(bench):
        client = await bench.connect(ssl=make_client_context())
        _, _, out = await client.ask(b"GET /big?3000000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        refused, headers, _ = await client.ask(b"GET /../a HTTP/1.1\r\nHost: localhost\r\n\r\n")
        url = f"wss://127.0.0.1:{bench.server.port}/api/echo/v1/ws"
        fields = {"Authorization": "Bearer x"}
        async with connect(url, ssl=make_client_context(), additional_headers=fields, proxy=None) as one:
            await one.send('{"id": 1, "input": 1}')
            answer = json.loads(await one.recv())

        assert len(out) == 3_000_000
        assert (refused, headers["connection"]) == (400, "close")
        assert answer["status"] == 200
        assert bench.app.seen[-1].is_secure

    run_edge(scenario, tls=write_pair(tmp_path, "first"))


def test_a_reload_takes_the_new_certificate_and_keeps_the_old_one_when_the_new_is_broken(tmp_path):
    files = write_pair(tmp_path, "first")

    async def scenario(bench):
        before = await bench.connect(ssl=make_client_context())
        write_pair(tmp_path, "second")
        bench.server.reload_tls()
        after = await bench.connect(ssl=make_client_context())
        (tmp_path / "cert.pem").write_text("broken")
        with pytest.raises(ConfigurationRefused):
            bench.server.reload_tls()
        still = await bench.connect(ssl=make_client_context())

        assert [common_name(one) for one in (before, after, still)] == ["CN=first", "CN=second", "CN=second"]
        assert (await before.ask(REQUEST))[0] == 200

    run_edge(scenario, tls=files)


def test_a_certificate_of_another_kind_takes_the_place_of_the_old_one_for_every_client(tmp_path):
    files = write_pair(tmp_path, "elliptic")

    async def scenario(bench):
        write_pair(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))
        bench.server.reload_tls()
        after = await bench.connect(ssl=make_client_context())

        assert common_name(after) == "CN=rsa"

    run_edge(scenario, tls=files)


def test_when_a_certificate_ends_is_read_from_its_file(tmp_path):
    files = write_pair(tmp_path, "first")
    left = valid_until(files) - dt.datetime.now(dt.UTC)
    (tmp_path / "cert.pem").write_text("broken")

    assert dt.timedelta(days=8) < left < dt.timedelta(days=9)
    with pytest.raises(ConfigurationRefused, match="no readable PEM"):
        valid_until(files)


def test_certificates_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ConfigurationRefused) as caught:
        tls_context(TlsFiles("/nowhere/cert.pem", "/nowhere/key.pem"))

    assert "/nowhere/cert.pem" in caught.value.errors[0].message


def test_more_connections_than_files_are_refused_at_start():
    async def scenario(bench):
        raise AssertionError("it must not start")

    with pytest.raises(ConfigurationRefused):
        run_edge(scenario, FakeApp(max_connections=1_000_000))


def test_the_sweep_runs_by_itself():
    async def scenario(bench):
        before = bench.server.gate.plain_fields
        bench.clock.advance(5)
        async with asyncio.timeout(5):
            while bench.server.gate.plain_fields == before:
                await asyncio.sleep(0.005)

    run_edge(scenario, FakeApp(sweep_interval_s=0.01))


@pytest.mark.parametrize(
    ("bind", "hosts"),
    [
        (Bind(), {"localhost", "127.0.0.1", "[::1]"}),
        (Bind(host="10.0.0.5"), {"localhost", "127.0.0.1", "[::1]", "10.0.0.5"}),
        (Bind(host="fd00::5"), {"localhost", "127.0.0.1", "[::1]", "[fd00::5]"}),
        (Bind(host="0.0.0.0"), {"localhost", "127.0.0.1", "[::1]"}),
        (Bind(hosts=("api.example",)), {"api.example"}),
    ],
)
def test_the_served_hosts_follow_from_the_bind(bind, hosts):
    assert set(served_hosts(bind)) == hosts


@pytest.mark.parametrize(
    "limits", [{"max_fields": 0}, {"head_timeout_s": -1}, {"max_body_bytes": 1}, {"idle_timeout_s": 1e9}]
)
def test_limits_outside_their_range_are_refused_by_name(limits):
    with pytest.raises(ValueError, match=next(iter(limits))):
        EdgeLimits(**limits)


def test_a_round_of_the_loop_takes_several_connections_that_wait():
    async def scenario(bench):
        waiting = [socket.create_connection(("127.0.0.1", bench.server.port)) for _ in range(12)]
        for _ in range(4):  # rounds
            await asyncio.sleep(0)
        taken = bench.server.connections
        for each in waiting:
            each.close()

        assert taken == len(waiting)

    run_edge(scenario)


def test_a_server_that_was_closed_listens_no_more():
    async def scenario(bench):
        await bench.server.close()
        with pytest.raises(OSError):
            await bench.connect()

    run_edge(scenario)
