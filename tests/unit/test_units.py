"""Identifiers and quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.units import RequestIds, iso_time, parse_duration_s, parse_rate, parse_size_bytes


class FixedClock:
    def monotonic_ns(self):
        return 0

    def wall_ns(self):
        return 1_700_000_000_123_000_000


@pytest.mark.parametrize(
    ("text", "seconds"), [("800ms", 0.8), ("10s", 10), ("1.5m", 90), ("2h", 7200), ("30d", 2592000)]
)
def test_durations_are_read(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "10 s", "-1s", "1w", "1e3s", "s"])
def test_what_is_no_duration_is_refused_with_the_accepted_form(text):
    with pytest.raises(ValueError, match="800ms"):
        parse_duration_s(text)


@pytest.mark.parametrize(("text", "size"), [("1B", 1), ("64KiB", 65536), ("10MB", 10**7), ("1.5GiB", 1610612736)])
def test_sizes_are_read(text, size):
    assert parse_size_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "interval_ns", "depth"), [("50/s", 20_000_000, 50), ("60/m", 10**9, 60), ("0.5/s", 2 * 10**9, 1)]
)
def test_rates_know_their_interval_and_burst(text, interval_ns, depth):
    rate = parse_rate(text)

    assert (rate.interval_ns, rate.depth) == (interval_ns, depth)


@pytest.mark.parametrize("text", ["50", "0/s", "50/x", "-1/s", "a/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="50/s"):
        parse_rate(text)


def test_request_ids_are_unique_sortable_and_26_characters():
    mint = RequestIds(FixedClock())
    ids = [mint() for _ in range(10_000)]

    assert len(set(ids)) == len(ids)
    assert {len(request_id) for request_id in ids} == {26}
    assert len({request_id[:10] for request_id in ids}) == 1


def test_two_minters_never_share_an_id():
    first, second = RequestIds(FixedClock()), RequestIds(FixedClock())

    assert not {first() for _ in range(1000)} & {second() for _ in range(1000)}


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000_000))
def test_times_are_rfc_3339_with_milliseconds(wall_ns):
    text = iso_time(wall_ns)

    assert len(text) == 24
    assert text.endswith("Z")
