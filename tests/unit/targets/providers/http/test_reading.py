"""Heads and bodies as pure functions: however the bytes are cut, the same is read; whatever comes, nothing else is raised."""

import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import ProviderBroken
from headworks.targets.providers.http.body import Chunked, inflater_of
from headworks.targets.providers.http.head import CHUNKED, TO_CLOSE, Heads

PIECES = st.lists(st.binary(min_size=1, max_size=300), max_size=6)
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def fed(framing, data, cuts):
    """What a framing reads of data that comes in parts of these sizes, again and again."""
    pieces, ahead, at, turn = [], b"", 0, 0
    while at < len(data) and not framing.is_complete:
        size = cuts[turn % len(cuts)]
        ahead += data[at : at + size]
        at, turn = at + size, turn + 1
        ahead = ahead[framing.feed(ahead, 0, pieces) :]
    return b"".join(pieces), ahead + data[at:]


@given(PIECES, CUTS, st.binary(max_size=20))
def test_chunks_are_read_alike_however_they_are_cut(pieces, cuts, surplus):
    data = b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nx: y\r\n\r\n"
    framing = Chunked()
    body, left = fed(framing, data + surplus, cuts)

    assert framing.is_complete
    assert (body, left) == (b"".join(pieces), surplus)


@given(st.binary(max_size=200), CUTS)
def test_noise_instead_of_chunks_is_read_or_refused_and_nothing_else(noise, cuts):
    with suppress(ProviderBroken):
        fed(Chunked(), noise, cuts)


@given(PIECES, CUTS, st.sampled_from([("gzip", 31), ("deflate", 15), ("deflate", -15)]))
def test_a_coding_is_undone_however_it_is_cut(pieces, cuts, coding):
    whole = b"".join(pieces)
    packed = zlib.compress(whole, wbits=coding[1])
    inflater, found, at, turn = inflater_of({"content-encoding": coding[0]}, 10_000), b"", 0, 0
    while at < len(packed):
        size = cuts[turn % len(cuts)]
        found += inflater.take(packed[at : at + size])
        at, turn = at + size, turn + 1
    inflater.finish()

    assert found == whole


@given(st.binary(max_size=300))
def test_noise_instead_of_a_head_is_refused_and_nothing_else(noise):
    with suppress(ProviderBroken):
        Heads(20).read(b"HTTP/1.1 200 OK\r\n" + noise, is_bodiless=False)


def test_a_remembered_line_means_the_same_again_and_a_name_alone_never_becomes_a_field():
    heads = Heads(20)
    raw = b"HTTP/1.1 200 OK\r\nServer: a\r\nX-Id: 1\r\nX-Id: 2\r\nContent-Length: 7\r\nContent-Length: 7"
    read = [heads.read(raw, is_bodiless=False) for _ in range(2)]
    with pytest.raises(ProviderBroken):
        heads.read(b"HTTP/1.1 200 OK\r\nServer", is_bodiless=False)

    assert read[0] == read[1]
    assert read[0].headers == {"server": "a", "x-id": "1, 2", "content-length": "7"}
    assert read[0].length == 7


@pytest.mark.parametrize(
    ("fields", "length", "is_kept_alive"),
    [
        (b"transfer-encoding: chunked", CHUNKED, True),
        (b"connection: Keep-Alive, Close\r\ncontent-length: 1", 1, False),
        (b"connection: upgrade", TO_CLOSE, False),
        (b"a: b", TO_CLOSE, False),
    ],
)
def test_a_head_says_how_its_body_ends_and_whether_another_may_follow(fields, length, is_kept_alive):
    head = Heads(20).read(b"HTTP/1.1 200 OK\r\n" + fields, is_bodiless=False)

    assert (head.length, head.is_kept_alive) == (length, is_kept_alive)
