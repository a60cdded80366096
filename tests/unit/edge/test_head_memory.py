import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from headworks.edge.head import PLAIN_FIELDS, Heads
from headworks.edge.head_memory import HeadReader
from headworks.edge.limits import EdgeLimits
from headworks.errors import HostRefused, Malformed

ORDINARY = (
    b"POST /api/x/v1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: %b\r\nContent-Type: application/json\r\n"
    b"Content-Length: 3"
)


class Reader:
    """A connection's way to read a head: recalled if it can be, else read."""

    def __init__(self, memory):
        self.inner = HeadReader(make_heads(), memory)

    def read(self, raw):
        recalled = self.inner.recall(raw)
        return self.inner.read(raw) if recalled is None else structs.replace(recalled[0], headers=recalled[1])


def make_heads():
    return Heads(EdgeLimits(), ("localhost",))


def make_reader():
    memory = {}
    return Reader(memory), memory


def test_a_head_that_differs_in_its_key_only_is_read_with_its_own_key():
    reader, memory = make_reader()
    keys = [b"Bearer one", b"Bearer two", b" \tBearer three "]
    heads = [reader.read(ORDINARY % key) for key in keys]

    assert heads == [make_heads().read(ORDINARY % key) for key in keys]
    assert len(memory) == 1


def test_the_headers_of_one_request_are_never_those_of_another():
    reader, _ = make_reader()
    first, second = reader.read(ORDINARY % b"a"), reader.read(ORDINARY % b"b")
    second.headers["x-added"] = "c"
    third = reader.read(ORDINARY % b"d")

    assert first.headers["authorization"] == "a"
    assert "x-added" not in third.headers


def test_no_key_no_identity_and_no_unknown_field_is_remembered():
    reader, memory = make_reader()
    secret = b"s3cr3t"
    for name in (b"X-API-Key", b"Cookie", b"X-Subject", b"Traceparent", b"X-Their-Own"):
        for _ in range(2):
            Reader(memory).read(ORDINARY % secret + b"\r\n" + name + b": " + secret)
    reader.read(ORDINARY % secret)
    reader.read((ORDINARY % secret).replace(b"/v1", b"/v1?key=" + secret))
    reader.read((ORDINARY % secret).replace(b"/api/x/v1", b"/admin/subjects/" + secret))

    assert len(memory) == 1
    assert secret not in repr(memory).encode()
    (head,) = memory.values()
    assert head.headers.pop("authorization") == ""
    assert set(head.headers) <= PLAIN_FIELDS


def test_a_known_head_with_a_bad_key_is_refused():
    reader, _ = make_reader()
    reader.read(ORDINARY % b"good")

    for key in (b"a\x00b", b"a\nb", b"a\rb", b"a\x7f"):
        with pytest.raises(Malformed):
            reader.read(ORDINARY % key)


def test_a_second_key_is_refused_also_in_a_known_head():
    reader, _ = make_reader()
    reader.read(ORDINARY % b"good")

    for line in (b"Authorization: x", b"authorization: x", b"AUTHORIZATION: x"):
        with pytest.raises(Malformed):
            reader.read(ORDINARY % b"good" + b"\r\n" + line)


def test_only_what_announces_a_short_body_and_asks_for_nothing_unusual_is_recalled():
    reader, memory = make_reader()
    for line in (b"Content-Encoding: gzip", b"Upgrade: websocket", b"Transfer-Encoding: chunked"):
        reader.read((ORDINARY % b"a").replace(b"Content-Length: 3", line))
    reader.read((ORDINARY % b"a").replace(b"Length: 3", b"Length: 65537"))

    assert memory == {}


def test_what_is_refused_is_not_remembered():
    reader, memory = make_reader()
    with pytest.raises(HostRefused):
        reader.read((ORDINARY % b"a").replace(b"localhost", b"elsewhere"))

    assert memory == {}


def test_a_client_whose_heads_are_never_alike_is_soon_not_looked_up():
    reader, memory = make_reader()
    for number in range(20):
        reader.read(ORDINARY % b"a" + b"\r\nTraceparent: %d" % number)

    assert reader.inner._tries == 0
    assert memory == {}


def test_the_memory_is_bounded():
    memory = {}
    for number in range(3000):
        Reader(memory).read((ORDINARY % b"a").replace(b"Length: 3", b"Length: %d" % number))

    assert len(memory) <= 1024


PIECES = st.sampled_from(
    [
        b"POST /api/x/v1 HTTP/1.1", b"\r\n", b"\r\nHost: localhost", b"\r\nAuthorization: Bearer a", b"\r\nauthorization:b",
        b"\r\nAx", b"\r\nProxy-Authorization: c", b"\r\nX: uthorization: d", b"\r\nContent-Length: 3", b"\r\nAUTHORIZATION: e",
        b"\r\nAuthorization:", b"uthorization: f", b"\r\nAccept: g", b"\n", b"\r",
    ]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6), min_size=2, max_size=4))
def test_remembering_never_changes_what_is_read(requests):
    reader, _ = make_reader()
    for pieces in requests:
        raw = b"POST /api/x/v1 HTTP/1.1\r\nHost: localhost" + b"".join(pieces)

        assert outcome(reader, raw) == outcome(make_heads(), raw)
        assert outcome(reader, raw) == outcome(make_heads(), raw)


def outcome(reader, raw):
    try:
        return reader.read(raw)
    except Malformed as error:
        return type(error)
