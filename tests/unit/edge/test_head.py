import re

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.edge.head import CHUNKED, PLAIN_FIELDS, Heads
from headworks.edge.limits import EdgeLimits
from headworks.errors import HeadTooLarge, HostRefused, Malformed, UriTooLong


def make_heads(hosts=("localhost",), **limits):
    return Heads(EdgeLimits(**limits), hosts)


def read(text, heads=None):
    return (heads or make_heads()).read(text.encode("latin-1") if isinstance(text, str) else text)


def with_line(line):
    return f"POST /a HTTP/1.1\r\nHost: localhost\r\n{line}"


def test_an_ordinary_head_is_understood():
    head = read("POST /api/x/v1?a=b HTTP/1.1\r\nHOST: localhost:80\r\nX-Any:  \t two words \t\r\nContent-Length: 12")

    assert (head.method, head.path, head.query, head.length) == ("POST", "/api/x/v1", "a=b", 12)
    assert head.headers == {"host": "localhost:80", "x-any": "two words", "content-length": "12"}
    assert head.is_keep_alive
    assert head.is_plain


def test_repeated_fields_are_joined():
    assert read(with_line("Accept: a\r\nAccept: b")).headers["accept"] == "a, b"


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "x, Close", False),
        ("1.0", None, False),
        ("1.0", "Keep-Alive", True),
    ],
)
def test_the_version_and_connection_say_whether_the_connection_stays(version, connection, keeps):
    line = "" if connection is None else f"\r\nConnection: {connection}"
    head = read(f"GET / HTTP/{version}\r\nHost: localhost{line}")

    assert head.is_keep_alive is keeps


def test_a_chunked_body_has_no_known_length():
    assert read(with_line("Transfer-Encoding: Chunked")).length == CHUNKED


@pytest.mark.parametrize(
    "line",
    [
        "GET /",
        "GET / HTTP/2.0",
        "GET / HTTP/1.2",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "G@T / HTTP/1.1".replace("@", "("),
        "GET http://localhost/ HTTP/1.1",
        "GET * HTTP/1.1",
        "CONNECT localhost:80 HTTP/1.1",
        "GET a HTTP/1.1",
        "GET //a HTTP/1.1",
        "GET /a//b HTTP/1.1",
        "GET /a/../b HTTP/1.1",
        "GET /a/. HTTP/1.1",
        "GET /.. HTTP/1.1",
        "GET /a%2fb HTTP/1.1",
        "GET /a%5Cb HTTP/1.1",
        "GET /a%00 HTTP/1.1",
        "GET /%2e%2E/a HTTP/1.1",
        "GET /a%zz HTTP/1.1",
        "GET /a\\b HTTP/1.1",
        "GET /caf\xe9 HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /a?b%g HTTP/1.1",
        "GET /a?b<c HTTP/1.1",
        "GET /a\x00b HTTP/1.1",
        "GET /a\tHTTP/1.1",
    ],
)
def test_a_request_line_outside_the_grammar_is_refused(line):
    with pytest.raises(Malformed):
        read(f"{line}\r\nHost: localhost")


@pytest.mark.parametrize(
    "line",
    [
        "X-A : b",
        " folded: b",
        "\tfolded",
        "X-A",
        ": empty",
        "X A: b",
        "X-A: b\rc",
        "X-A: b\nc",
        "X-A: b\x00c",
        "X-A: b\x7f",
        "X-\xe9: b",
        "Content-Length: 1, 1",
        "Content-Length: +1",
        "Content-Length: 0x1",
        "Content-Length: 01",
        "Content-Length: 1 1",
        "Content-Length:",
        "Content-Length: " + "9" * 30,
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Host: localhost",
        "Authorization: Bearer a\r\nauthorization: Bearer b",
        "X-API-Key: a\r\nX-API-Key: a",
        "Content-Type: a\r\nContent-Type: b",
        "Idempotency-Key: a\r\nIdempotency-Key: b",
        "X-Subject: a\r\nX-Subject: b",
        "X-Deadline-Ms: 1\r\nX-Deadline-Ms: 2",
        "Origin: a\r\nOrigin: b",
        "Expect: something",
    ],
)
def test_a_field_that_is_odd_or_could_mean_two_things_is_refused(line):
    with pytest.raises(Malformed):
        read(with_line(line))


@pytest.mark.parametrize("host", ["", "a b", "localhost/b?c=", "a@localhost", "localhost:99999", "localhost:x", "[::1"])
def test_a_host_outside_the_grammar_is_refused_with_400(host):
    with pytest.raises(Malformed) as caught:
        read(f"GET / HTTP/1.1\r\nHost: {host}", make_heads(hosts=("*",)))

    assert caught.value.status == 400


def test_a_host_not_served_is_refused_with_421():
    with pytest.raises(HostRefused):
        read("GET / HTTP/1.1\r\nHost: attacker.example")


def test_a_missing_host_is_refused():
    for version in ("1.0", "1.1"):
        with pytest.raises(Malformed):
            read(f"GET / HTTP/{version}\r\nAccept: a")


def test_http_1_0_has_no_transfer_encoding():
    with pytest.raises(Malformed):
        read("POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked")


def test_too_many_fields_and_too_long_targets_are_refused():
    with pytest.raises(HeadTooLarge):
        read(with_line("\r\n".join(f"X-{n}: 1" for n in range(100))))
    with pytest.raises(UriTooLong):
        read(f"GET /{'a' * 9000} HTTP/1.1\r\nHost: localhost")


def test_no_memory_ever_holds_a_credential_an_identity_or_an_unknown_field():
    heads = make_heads()
    secret = "s3cr3t"
    names = ["Authorization", "X-API-Key", "Cookie", "Proxy-Authorization", "X-Subject", "Idempotency-Key"]
    names += ["X-Request-Id", "Traceparent", "X-Forwarded-For", "X-Their-Own-Token", "Referer", "Baggage"]
    lines = "\r\n".join(f"{name}: {secret}" for name in names)
    read(f"POST /api/x/v1 HTTP/1.1\r\nHost: localhost\r\n{lines}\r\nContent-Type: application/json", heads)
    read(f"GET /admin/subjects/{secret} HTTP/1.1\r\nHost: localhost", heads)
    read(f"POST /api/x/v1?key={secret} HTTP/1.1\r\nHost: localhost", heads)

    assert secret not in repr((heads._fields, heads._targets, heads._names))
    assert {name for name, _ in heads._fields.values()} <= PLAIN_FIELDS


def test_what_is_remembered_is_bounded():
    heads = make_heads()
    for number in range(5000):
        read(f"POST /api/{number} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {number}\r\nX-{number}: 1", heads)

    assert max(len(heads._fields), len(heads._targets), len(heads._names)) <= 2048


def test_a_remembered_head_reads_the_same_as_a_new_one():
    heads = make_heads()
    text = with_line("Content-Length: 3\r\nAccept: a\r\nAuthorization: Bearer x")

    assert read(text, heads) == read(text, heads)


PIECES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST /a?b HTTP/1.0",
        b"\r\n",
        b"\n",
        b"\r",
        b"Host: localhost",
        b"Content-Length: 5",
        b"Content-Length: 5, 5",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:\tchunked",
        b"X: y",
        b" ",
        b"\t",
        b":",
        b"\x00",
        b"\xff",
        b"Connection: close",
        b"X : y",
    ]  # fmt: skip
)


def oracle(raw):
    """How h11 frames the request, or None when it refuses."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
    connection.receive_data(raw + b"\r\n\r\n")
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.Request):
        return None
    lengths = [value for name, value in event.headers if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in event.headers)
    return CHUNKED if chunked else int(lengths[0]) if lengths else 0


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_nothing_is_accepted_that_h11_refuses_or_frames_differently(pieces):
    raw = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(pieces)
    try:
        head = make_heads().read(raw)
    except Malformed:
        return

    assert oracle(raw) == head.length


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    try:
        head = make_heads(hosts=("*",)).read(raw)
    except Malformed:
        return

    assert re.fullmatch(r"/[!-~]*", head.path)
