"""Requests as an attacker, a broken client or a differing proxy writes them, through a real socket.

Each one is answered with the status beside it, or the connection is closed; and whatever follows on the connection
is never taken for a second request.
"""

import pytest

from tests.fakes_edge import FakeApp, run_edge

GET = b"GET /a HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

CORPUS = {
    # framing: who ends where
    "content-length and transfer-encoding": (
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "transfer-encoding and content-length": (
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two content-lengths that differ": (POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nhello", 400),
    "two content-lengths that agree": (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    "content-length as a list": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "negative content-length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "signed content-length": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "hexadecimal content-length": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "content-length with leading zeros": (POST + b"Content-Length: 003\r\n\r\nabc", 400),
    "content-length with an underscore": (POST + b"Content-Length: 1_0\r\n\r\n0123456789", 400),
    "empty content-length": (POST + b"Content-Length: \r\n\r\n", 400),
    "huge content-length": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "content-length above the bound": (POST + b"Content-Length: 99999999999\r\n\r\n", 413),
    "unknown transfer-encoding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "transfer-encoding chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "transfer-encoding on two lines": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        400,
    ),
    "transfer-encoding with a vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "transfer-encoding on http/1.0": (
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "space before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "folded field": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "bare LF after a field": (POST + b"X-A: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "bare LF throughout": (b"GET /a HTTP/1.1\nHost: localhost\n\n", 400),
    "bare LF ends the head": (GET + b"X-A: b\n\n", 400),
    "bare CR in a value": (GET + b"X-A: b\rX-B: c\r\n\r\n", 400),
    "NUL in a value": (GET + b"X-A: b\x00c\r\n\r\n", 400),
    "control character in a value": (GET + b"X-A: b\x1bc\r\n\r\n", 400),
    "NUL in a name": (GET + b"X\x00A: b\r\n\r\n", 400),
    "field without a colon": (GET + b"X-A\r\n\r\n", 400),
    "field without a name": (GET + b": b\r\n\r\n", 400),
    # chunks
    "chunk size without CR": (CHUNKED + b"3\nabc\r\n0\r\n\r\n", 400),
    "chunk size with a space": (CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", 400),
    "chunk size with 0x": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "negative chunk size": (CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n", 400),
    "chunk size of seventeen digits": (CHUNKED + b"00000000000000003\r\nabc\r\n0\r\n\r\n", 400),
    "chunk longer than announced": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
    "chunk closed by bare LF": (CHUNKED + b"3\r\nabc\n0\r\n\r\n", 400),
    "endless chunk extension": (CHUNKED + b"3;" + b"x" * 70_000 + b"\r\nabc\r\n0\r\n\r\n", 400),
    "many tiny chunks": (CHUNKED + b"1;x=yyyyyyyy\r\na\r\n" * 20_000 + b"0\r\n\r\n", 400),
    "endless trailers": (CHUNKED + b"0\r\n" + b"X-A: b\r\n" * 5_000 + b"\r\n", 400),
    "malformed trailer": (CHUNKED + b"0\r\nnot a field\r\n\r\n", 400),
    # host
    "no host": (b"GET /a HTTP/1.1\r\n\r\n", 400),
    "no host on http/1.0": (b"GET /a HTTP/1.0\r\n\r\n", 400),
    "two hosts": (GET + b"Host: localhost\r\n\r\n", 400),
    "host with a path": (b"GET /a HTTP/1.1\r\nHost: localhost/b?c=\r\n\r\n", 400),
    "host with user information": (b"GET /a HTTP/1.1\r\nHost: me@localhost\r\n\r\n", 400),
    "host with a bad port": (b"GET /a HTTP/1.1\r\nHost: localhost:70000\r\n\r\n", 400),
    "empty host": (b"GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "another's host": (b"GET /a HTTP/1.1\r\nHost: rebound.example\r\n\r\n", 421),
    # target
    "absolute target": (b"GET http://evil.example/b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "authority target": (b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "asterisk target": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "dot segments": (b"GET /pub/../admin HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "encoded dot segments": (b"GET /pub/%2e%2e/admin HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "encoded slash": (b"GET /pub%2fadmin HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "encoded backslash": (b"GET /pub%5cadmin HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "encoded NUL": (b"GET /pub%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "double slash": (b"GET //admin HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "backslash": (b"GET /pub\\admin HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "not ASCII": (b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "space in the target": (b"GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "fragment": (b"GET /a#b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    # request line
    "leading empty line": (b"\r\n" + GET + b"\r\n", 400),
    "http/0.9": (b"GET /a\r\n\r\n", 400),
    "http/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "http/1.9": (b"GET /a HTTP/1.9\r\nHost: localhost\r\n\r\n", 400),
    "TLS to a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "tabs between the parts": (b"GET\t/a\tHTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "method with a bad character": (b"GE(T /a HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    # sizes
    "request line of 9 KB": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "request line without end": (b"GET /" + b"a" * 20_000, 414),
    "101 fields": (GET + b"".join(b"X-%d: 1\r\n" % n for n in range(100)) + b"\r\n", 431),
    "field of 40 KB": (GET + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "head without end": (GET + b"X-A: " + b"a" * 40_000, 431),
    # what may stand once
    "two keys": (GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
    "two API keys": (GET + b"X-API-Key: a\r\nx-api-key: b\r\n\r\n", 400),
    "two content types": (POST + b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n", 400),
    "two idempotency keys": (POST + b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n", 400),
    "two subjects": (POST + b"X-Subject: a\r\nX-Subject: b\r\n\r\n", 400),
    "unknown expectation": (POST + b"Expect: the-unexpected\r\n\r\n", 400),
    # codings
    "unknown coding": (POST + b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc", 415),
    "coding that is not what it says": (POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 400),
}


@pytest.mark.parametrize("name", CORPUS)
def test_a_request_of_the_corpus_is_refused_and_nothing_behind_it_runs(name):
    wire, expected = CORPUS[name]

    async def scenario(bench):
        client = await bench.connect()
        await client.send(wire + SMUGGLED)
        status, headers, body = await client.reply()

        assert status == expected
        assert headers["connection"] == "close"
        assert headers["content-type"] == "application/problem+json"
        assert b'"status":%d' % expected in body
        assert await client.rest() == b""
        assert bench.app.seen == []

    run_edge(scenario)


TRUNCATED = {
    "head": GET,
    "sized body": POST + b"Content-Length: 10\r\n\r\nabc",
    "chunk": CHUNKED + b"5\r\nabc",
    "chunk end": CHUNKED + b"3\r\nabc",
    "last chunk": CHUNKED + b"3\r\nabc\r\n0\r\n",
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_truncated_request_is_never_served(name):
    async def scenario(bench):
        client = await bench.connect()
        await client.send(TRUNCATED[name])
        client.writer.write_eof()

        assert await client.rest() == b""
        assert bench.app.seen == []

    run_edge(scenario)


ACCEPTED = {
    "lower-case host with port": b"GET /a HTTP/1.1\r\nhost: LOCALHOST:8000\r\n\r\n",
    "IPv6 host": b"GET /a HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n",
    "no value": GET + b"X-A:\r\n\r\n",
    "Latin-1 value": GET + b"X-A: caf\xe9\r\n\r\n",
    "upper-case chunked": POST + b"TRANSFER-ENCODING: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "upgrade to what is not spoken": GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "query with a slash": b"GET /a?b=/c?d HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_odd_but_right_is_served(name):
    async def scenario(bench):
        client = await bench.connect()
        first, _, _ = await client.ask(ACCEPTED[name])
        second, _, _ = await client.ask(GET + b"\r\n")

        assert (first, second) == (200, 200)

    run_edge(scenario)


def test_a_flood_of_broken_requests_leaves_the_server_whole():
    async def scenario(bench):
        for wire, _ in CORPUS.values():
            client = await bench.connect()
            await client.send(wire)
            await client.close()
        honest = await bench.connect()

        assert (await honest.ask(GET + b"\r\n"))[0] == 200
        assert bench.server.gate.buffered_bytes == 0

    run_edge(scenario, FakeApp())
