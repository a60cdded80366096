"""Refusals, retention and the disk bound."""

import msgspec
import pytest

from headworks.errors import RecordUnavailable
from headworks.records.refusals import Refusals, source_prefix
from headworks.records.settings import RecordSettings
from headworks.records.verify import verify

DAY_S = 86400
MINUTE_NS = 60 * 10**9


def refusals(**settings):
    return Refusals(RecordSettings(home="unused", **settings))


@pytest.mark.parametrize(
    ("source", "prefix"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("nonsense", "-"),
        ("", "-"),
        ("1.2.3.4\0", "-"),
    ],
)
def test_sources_are_kept_as_prefixes(source, prefix):
    assert source_prefix(source) == prefix


def test_refusals_are_added_up_by_prefix_route_and_reason():
    counted = refusals()
    for source in ("203.0.113.1", "203.0.113.2", "198.51.100.1"):
        counted.count(source, "sentiment", "rate_limited")
    counted.count("203.0.113.1", "sentiment", "unauthenticated")

    taken = {(one.source, one.code): one.count for one in counted.take(0)}
    assert taken == {
        ("203.0.113.0/24", "rate_limited"): 2,
        ("198.51.100.0/24", "rate_limited"): 1,
        ("203.0.113.0/24", "unauthenticated"): 1,
    }
    assert counted.take(1) == []


def test_a_flood_fills_neither_memory_nor_rows_and_is_counted_to_the_last():
    counted = refusals(refusal_keys_per_second=50, refusal_rows_per_minute=20)
    rows = []
    for second in range(10):
        for number in range(200):
            counted.count(f"10.{second}.{number}.1", "sentiment", "unauthenticated")
        rows += counted.take(second * 10**9)
    within_a_minute = len(rows)
    rows += counted.take(MINUTE_NS)

    assert within_a_minute <= 20 + 1
    assert sum(row.count for row in rows) == 2000
    assert (rows[-1].source, rows[-1].route) == ("*", "*")


def test_refusals_become_rows_each_second_and_no_calls(log):
    log.start()
    for _ in range(500):
        log.ledger.refuse("203.0.113.9", "sentiment", "unauthenticated")
    log.clock.advance(1)
    log.settle()

    rows = log.ledger.stores.records.read("SELECT route, outcome, detail FROM records WHERE kind = 'refusals'")
    assert rows == [("sentiment", "unauthenticated", '{"count":500,"source":"203.0.113.0/24"}')]
    assert log.newest() == []


def test_refusals_of_the_last_second_are_written_at_a_clean_stop(log):
    log.start()
    log.ledger.refuse("203.0.113.9", "sentiment", "unauthenticated")
    log.stop()

    verdict = verify(log.home)
    assert (verdict.records, verdict.signed, verdict.is_whole) == (1, 1, True)


def seqs(log):
    return [seq for (seq,) in log.ledger.stores.records.read("SELECT seq FROM records ORDER BY seq")]


def prune(log):
    for _ in range(12):
        log.clock.advance(1)
        log.settle()


def test_expired_records_go_with_their_content_and_the_record_verifies(log):
    log.start(retention_s=DAY_S, inline_bytes=100)
    log.commit_many(700)
    log.commit(output=b"large" * 100)
    kept = log.commit(retention_s=9 * DAY_S)
    log.clock.advance(DAY_S)
    late = log.commit()
    prune(log)

    calls = [call["request_id"] for call in log.newest()]
    assert calls == [late, kept]
    assert [path for path in (log.home / "content").rglob("*") if path.is_file()] == []
    assert log.ledger.usage().content_bytes == 0
    verdict = verify(log.home)
    assert verdict.is_whole, verdict
    assert verdict.pruned == 701
    with log.read() as records:
        assert records.prove(3).seq == 3


def test_pruning_goes_on_after_a_restart(log):
    log.start(retention_s=DAY_S)
    log.commit_many(5000)
    log.stop()
    log.clock.advance(2 * DAY_S)
    log.start()
    for _ in range(20):
        prune(log)

    assert log.newest() == []
    assert verify(log.home).is_whole
    assert log.ledger.stores.records.read("SELECT count(*) FROM expiry") == [(0,)]


def test_a_pruning_names_ranges_and_reason_and_is_signed(log):
    log.start(retention_s=DAY_S)
    log.commit_many(10)
    log.commit(retention_s=3 * DAY_S)
    log.commit_many(10)
    log.clock.advance(DAY_S)
    prune(log)

    ((detail,),) = log.ledger.stores.records.read("SELECT detail FROM records WHERE kind = 'pruned'")
    assert msgspec.json.decode(detail) == {"ranges": [[0, 9], [11, 20]], "reason": "retention"}


def test_a_row_removed_by_somebody_else_is_no_pruning(log):
    log.start(retention_s=DAY_S)
    log.commit_many(10)
    log.clock.advance(DAY_S)
    prune(log)
    log.commit_many(3)
    log.ledger.stores.records.write_now(
        lambda connection: connection.execute("DELETE FROM records WHERE kind = 'call' AND seq > 11")
    )

    assert verify(log.home).first_bad.seq == 12


def test_a_running_streams_row_outlives_its_retention(log):
    log.start(retention_s=DAY_S)
    entry = log.entry()
    opened_row = log.wait(log.ledger.open(entry))
    log.commit_many(5)
    log.clock.advance(2 * DAY_S)
    prune(log)

    assert opened_row.number in seqs(log)
    log.wait(log.ledger.close(opened_row, entry))
    log.clock.advance(DAY_S)
    prune(log)
    assert log.newest() == []
    assert verify(log.home).is_whole


def test_a_full_disk_bound_prunes_the_oldest(log):
    log.start(max_disk_bytes=3 * 2**20, retention_s=None)
    first = log.commit()
    for _ in range(40):
        log.commit_many(5, output=b"x" * 60_000)
        log.clock.advance(1)
        log.settle()
    newest = log.commit()

    usage = log.ledger.usage()
    calls = {call["request_id"] for call in log.newest(most=1000)}
    assert usage.database_bytes + usage.content_bytes < 4 * 2**20
    assert newest in calls
    assert first not in calls
    assert log.ledger.is_available
    assert verify(log.home).is_whole


def test_content_files_count_towards_the_bound(log):
    log.start(max_disk_bytes=2 * 2**20, retention_s=None)
    for _ in range(10):
        log.commit(output=b"x" * 500_000)
        log.clock.advance(1)
        log.settle()
        log.settle()

    files = [path for path in (log.home / "content").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) == log.ledger.usage().content_bytes < 3 * 2**20
    assert verify(log.home).is_whole


def test_a_full_disk_bound_refuses_where_nothing_may_be_pruned(log):
    log.start(max_disk_bytes=2**20, retention_s=None, when_full="refuse")
    opened_row = log.wait(log.ledger.open(log.entry()))
    log.commit_many(30, output=b"x" * 60_000)
    log.clock.advance(1)
    log.settle()

    with pytest.raises(RecordUnavailable):
        log.commit()
    assert not log.ledger.is_available
    assert log.wait(log.ledger.close(opened_row, log.entry())) is None


def test_checkpoints_are_thinned_after_an_hour(log):
    log.start()
    for _ in range(20):
        log.commit()
        log.clock.advance(1)
        log.settle()
    log.clock.advance(2 * 3600)
    log.commit()
    log.settle()

    kept = log.ledger.stores.records.read("SELECT size FROM checkpoints ORDER BY size")
    assert 2 <= len(kept) <= 4
    assert kept[-1] == (21,)
    assert verify(log.home).is_whole
