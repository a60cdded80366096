import pytest

from headworks.identity.sources import FAILURE_NS, FAILURES_AT_ONCE, FailedSources, source_prefix


@pytest.mark.parametrize(
    ("peer", "prefix"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_peer_is_counted_under_its_network(peer, prefix):
    assert source_prefix(peer) == prefix


def test_failures_beyond_the_bound_are_told_how_long_to_wait():
    sources = FailedSources()
    waits = [sources.failed("192.0.2.7", 0) for _ in range(FAILURES_AT_ONCE + 2)]

    assert waits == [0] * FAILURES_AT_ONCE + [FAILURE_NS, FAILURE_NS]
    assert sources.failed("192.0.2.8", FAILURE_NS) == 0


def test_the_source_that_failed_longest_ago_is_forgotten_first():
    sources = FailedSources(most_sources=2)
    for _ in range(FAILURES_AT_ONCE):
        sources.failed("10.0.1.1", 0)
    sources.failed("10.0.2.1", 0)
    sources.failed("10.0.1.1", 0)
    sources.failed("10.0.3.1", 0)

    assert len(sources) == 2
    assert sources.failed("10.0.1.1", 0) > 0
