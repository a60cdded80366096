import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import ProviderBroken
from headworks.targets.providers.sse import MOST_EVENT_BYTES, EventReader

LINES = st.lists(st.sampled_from([b"data: a", b"data:b", b"data", b": ping", b"event: e", b"id: 1", b"retry: 5", b""]))


def events(*parts, ending=()):
    reader = EventReader()
    found = [event for part in parts for event in reader.feed(part)]
    return [(event.name, event.data) for event in found + (reader.finish() if ending is not None else [])]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_each_kind_of_line_end_ends_a_line(end):
    lines = [b"event: greet", b"data: one", b"data:two", b": ping", b"", b"data: three", b"", b""]

    assert events(end.join(lines)) == [(b"greet", b"one\ntwo"), (b"", b"three")]


@given(lines=LINES, end=st.sampled_from([b"\n", b"\r\n", b"\r"]), data=st.data())
def test_where_the_bytes_are_cut_changes_nothing(lines, end, data):
    body = end.join(lines)
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=10))), len(body)]

    assert events(*(body[a:b] for a, b in zip(cuts, cuts[1:], strict=False))) == events(body)


def test_an_event_without_its_empty_line_is_given_at_the_end():
    assert events(b"data: a\n\ndata: b") == [(b"", b"a"), (b"", b"b")]
    assert events(b"data: a\n\ndata: b", ending=None) == [(b"", b"a")]


def test_a_byte_order_mark_before_the_first_line_is_skipped():
    assert events(b"\xef\xbb", b"\xbfdata: a\n\n") == [(b"", b"a")]


def test_an_event_without_data_is_none():
    assert events(b"event: a\n\n: ping\n\ndata: b\n\n") == [(b"", b"b")]


@pytest.mark.parametrize("line", [b"x", b"data: and so on\n", b"event: e\n", b": ping\n"])
def test_an_event_that_never_ends_is_refused(line):
    reader = EventReader()
    part = line * (MOST_EVENT_BYTES // 4 // len(line))

    with pytest.raises(ProviderBroken):
        for _ in range(5):
            reader.feed(part)
