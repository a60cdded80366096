"""The decoder is compared with the vendor's own for messages built by hand and for streams that were recorded."""

import json
from struct import pack
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import ProviderBroken
from headworks.targets.providers.aws.eventstream import MOST_MESSAGE_BYTES, Event, EventDecoder
from tests.unit.targets.providers.recordings import recorded


def text(name, value):
    return pack(">B", len(name)) + name.encode() + b"\x07" + pack(">H", len(value.encode())) + value.encode()


def message(headers, payload):
    prelude = pack(">II", len(headers) + len(payload) + 16, len(headers))
    body = prelude + pack(">I", crc32(prelude)) + headers + payload
    return body + pack(">I", crc32(body))


def event(name, payload=b"{}", kind="event", more=b""):
    return message(more + text(":message-type", kind) + text(f":{kind}-type", name), payload)


OTHER_HEADERS = b"".join(
    pack(">B", len(name)) + name + value
    for name, value in {
        b"yes": b"\x00",
        b"no": b"\x01",
        b"byte": b"\x02\x7f",
        b"short": b"\x03\x00\x01",
        b"int": b"\x04" + bytes(4),
        b"long": b"\x05" + bytes(8),
        b"bytes": b"\x06\x00\x03abc",
        b"time": b"\x08" + bytes(8),
        b"id": b"\x09" + bytes(16),
    }.items()
)


def test_every_type_of_header_is_stepped_over():
    built = event("chunk", b"payload", more=OTHER_HEADERS)
    theirs = EventStreamBuffer()
    theirs.add_data(built)

    assert EventDecoder().feed(built) == [Event("event", "chunk", b"payload")]
    assert next(iter(theirs)).headers[":event-type"] == "chunk"


def test_an_error_says_what_it_is():
    headers = text(":message-type", "error") + text(":error-code", "Busy") + text(":error-message", "later")

    assert EventDecoder().feed(message(headers, b"")) == [Event("error", "Busy", b"", "later")]


def test_every_recorded_stream_is_read_as_the_vendors_own_decoder_reads_it():
    for exchange in recorded("/converse-stream", is_stream=True) + recorded("-with-response-stream", is_stream=True):
        theirs = EventStreamBuffer()
        theirs.add_data(exchange.response.body)
        ours = EventDecoder()
        found = ours.feed(exchange.response.body)

        assert ours.is_between
        assert [(one.name, one.payload) for one in found] == [
            (one.headers.get(":event-type") or one.headers.get(":exception-type"), one.payload) for one in theirs
        ], exchange


@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=200)), max_size=6), st.data())
def test_a_stream_cut_anywhere_reads_the_same(events, data):
    whole = b"".join(event(name, payload) for name, payload in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    decoder = EventDecoder()
    found = [one for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) for one in decoder.feed(whole[a:b])]

    assert [(one.name, one.payload) for one in found] == events
    assert decoder.is_between


@given(st.binary(max_size=100), st.data())
def test_a_flipped_bit_anywhere_is_noticed(payload, data):
    built = bytearray(event("chunk", payload))
    at = data.draw(st.integers(0, len(built) - 1))
    built[at] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(ProviderBroken):
        EventDecoder().feed(bytes(built))


def test_a_length_beyond_the_bound_is_refused_before_it_is_waited_for():
    prelude = pack(">II", MOST_MESSAGE_BYTES + 1, 0)

    with pytest.raises(ProviderBroken):
        EventDecoder().feed(prelude + pack(">I", crc32(prelude)))


@pytest.mark.parametrize("sizes", [(15, 0), (16, 1), (0, 0), (200_000, 150_000)])
def test_lengths_that_cannot_be_are_refused(sizes):
    prelude = pack(">II", *sizes)

    with pytest.raises(ProviderBroken):
        EventDecoder().feed(prelude + pack(">I", crc32(prelude)) + bytes(20))


@pytest.mark.parametrize(
    "headers", [b"\x05ab", b"\x01a\x0a", b"\x01a\x07\x00\xff", b"\x01a", b"\x02\xff\xfe\x07\x00\x00"]
)
def test_broken_headers_are_refused(headers):
    with pytest.raises(ProviderBroken):
        EventDecoder().feed(message(headers, json.dumps({}).encode()))
