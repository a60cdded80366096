import gzip
import zlib

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.edge.body import incoming
from headworks.edge.head import CHUNKED, Head
from headworks.edge.limits import EdgeLimits
from headworks.errors import BodyTooLarge, Malformed, UnsupportedMedia


def make_body(length, coding=None, **limits):
    headers = {} if coding is None else {"content-encoding": coding}
    return incoming(Head("POST", "/", "", headers, length), EdgeLimits(**limits))


def fill(body, data, cuts=()):
    """Feed data in pieces; what is left over comes again with the next piece."""
    left = b""
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        left += data[start:end]
        at = body.feed(left, 0)
        left = left[at:]
        if body.is_complete:
            return body.content.whole(), left + data[end:]
    return None, left


def chunked(*pieces, trailers=b""):
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


def test_a_sized_body_ends_where_it_said():
    assert fill(make_body(5), b"helloGET /") == (b"hello", b"GET /")


def test_a_chunked_body_ends_at_its_last_chunk():
    assert fill(make_body(CHUNKED), chunked(b"hel", b"lo") + b"GET /") == (b"hello", b"GET /")


def test_extensions_and_trailers_are_dropped():
    data = b"3;a=b;c\r\nhel\r\n" + chunked(b"lo", trailers=b"X-Sum: 1\r\nHost: evil\r\n")

    assert fill(make_body(CHUNKED), data) == (b"hello", b"")


@pytest.mark.parametrize(
    "data",
    [
        b"3\nhel\r\n0\r\n\r\n",
        b"3 \r\nhel\r\n0\r\n\r\n",
        b"0x3\r\nhel\r\n0\r\n\r\n",
        b"-3\r\nhel\r\n0\r\n\r\n",
        b"\r\nhel",
        b"g\r\n",
        b"3\r\nhelX\r\n0\r\n\r\n",
        b"3\r\nhel\n0\r\n\r\n",
        b"2\r\nhel\r\n0\r\n\r\n",
        b"fffffffff\r\n",
        b"3;\x00\r\nhel\r\n",
        b"3;" + b"a" * 300 + b"\r\nhel\r\n",
        b"0\r\nbad trailer\r\n\r\n",
        b"0\r\n folded: 1\r\n\r\n",
        b"0\r\n" + b"X-A: b\r\n" * 600 + b"\r\n",
    ],
)
def test_chunks_outside_the_grammar_are_refused(data):
    with pytest.raises(Malformed):
        fill(make_body(CHUNKED), data)


def test_a_body_of_tiny_chunks_is_refused_before_it_costs_much():
    with pytest.raises(Malformed):
        fill(make_body(CHUNKED), b"1\r\nx\r\n" * 50_000)


def test_bodies_above_the_bound_are_refused():
    with pytest.raises(BodyTooLarge):
        make_body(1001, max_body_bytes=1000)
    with pytest.raises(BodyTooLarge):
        fill(make_body(CHUNKED, max_body_bytes=1000), chunked(b"x" * 1001))


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate"])
def test_packed_bodies_are_unpacked(coding):
    packed = zlib.compress(b"hello") if coding == "deflate" else gzip.compress(b"hello")

    assert fill(make_body(len(packed), coding), packed, cuts=(3, 7))[0] == b"hello"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", ""])
def test_other_codings_are_refused_with_what_is_read(coding):
    with pytest.raises(UnsupportedMedia) as caught:
        make_body(5, coding)

    assert caught.value.headers == (("Accept-Encoding", "gzip, deflate"),)


def test_a_bomb_is_refused_by_ratio_and_by_size():
    bomb = gzip.compress(bytes(50 * 2**20))
    with pytest.raises(BodyTooLarge):
        fill(make_body(len(bomb), "gzip", max_body_bytes=2**30), bomb)
    with pytest.raises(BodyTooLarge):
        fill(make_body(len(bomb), "gzip", max_body_bytes=2**16), bomb)


def test_a_bomb_is_never_unpacked_far_beyond_the_bound():
    bomb = gzip.compress(bytes(50 * 2**20))
    body = make_body(len(bomb), "gzip")
    with pytest.raises(BodyTooLarge):
        body.feed(bomb, 0)

    assert body.content.size_bytes <= 2 * 2**20


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"hello")[:-4], b"hello", gzip.compress(b"hello") + b"x", gzip.compress(b"a") * 2]
)
def test_broken_truncated_and_followed_packed_bodies_are_refused(packed):
    with pytest.raises(Malformed):
        fill(make_body(len(packed), "gzip"), packed)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.data())
def test_a_chunked_body_reads_the_same_however_it_is_cut(pieces, data):
    wire = chunked(*pieces, trailers=b"X-A: b\r\n") + b"rest"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(wire) - 1), max_size=8)))

    assert fill(make_body(CHUNKED), wire, cuts) == (b"".join(pieces), b"rest")


WIRE = st.lists(
    st.sampled_from(
        [
            b"3\r\nabc\r\n",
            b"0\r\n",
            b"\r\n",
            b"0\r\n\r\n",
            b"3;x\r\nabc\r\n",
            b"3",
            b"abc",
            b"\n",
            b"a\r\n",
            b"X: y\r\n",
            b" ",
        ]
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(WIRE)
def test_no_chunked_body_is_accepted_that_h11_refuses_or_reads_differently(pieces):
    wire = b"".join(pieces)
    try:
        whole, left = fill(make_body(CHUNKED), wire)
    except Malformed:
        return

    assert whole is None or (whole, left) == oracle(wire)


def oracle(wire):
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + wire)
    connection.next_event()
    whole = b""
    while isinstance(event := connection.next_event(), h11.Data):
        whole += event.data
    return (whole, connection.trailing_data[0]) if isinstance(event, h11.EndOfMessage) else None
