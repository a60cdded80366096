"""The durable ledger beyond the contract suite: what is stored how, and what survives what."""

import hashlib
import stat
import threading

import pytest

from headworks.costs import Reservation, Settlement
from headworks.errors import (
    HomeUnavailable,
    IdempotencyMismatch,
    IdempotencySpent,
    Internal,
    RecordUnavailable,
)
from headworks.recording import IdempotencySlot
from headworks.records.kms import KeyFile
from headworks.records.verify import verify
from headworks.values import RecordMode

SLOT = IdempotencySlot(b"s" * 32, b"b" * 32)
SECRET = b"the quick brown fox"


def on_disk(home) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != "kek")


def rows(log, columns="kind", where="1"):
    return log.ledger.stores.records.read(f"SELECT {columns} FROM records WHERE {where} ORDER BY seq")


@pytest.mark.parametrize("mode", list(RecordMode))
@pytest.mark.parametrize("size", [1, 100_000])
def test_content_is_never_on_disk_in_clear(log, mode, size):
    log.start()
    text = SECRET * size
    request_id = log.commit(input=(text, text), output=text, mode=mode, subject="ann@example.org")
    shown = log.show(request_id)
    log.stop()

    assert SECRET not in on_disk(log.home)
    assert b"ann@example.org" not in on_disk(log.home)
    assert shown["subject_name"] == "ann@example.org"
    assert (shown["output"] == text.decode()) == (mode is RecordMode.FULL)


def test_large_content_is_a_file_of_its_own_and_small_content_a_column(log):
    log.start(inline_bytes=1000)
    small = log.commit(input=(b"x" * 500,), output=b"y" * 400)
    large = log.commit(input=(b"x" * 500,), output=b"y" * 600)

    (stored, _), (filed, digest) = rows(log, "length(content), content_digest")
    (path,) = (path for path in (log.home / "content").rglob("*") if path.is_file())
    assert stored > 900
    assert filed is None
    assert path.name == digest.hex() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [len(log.show(request_id)["output"]) for request_id in (small, large)] == [400, 600]
    assert path.parent.name == path.name[:2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_digest_keeps_sizes_and_a_keyed_digest_only(log):
    log.start()
    log.commit_many(2, mode=RecordMode.DIGEST)
    log.commit(mode=RecordMode.DIGEST, caller_id="k_2")

    first, second, other = rows(log, "content, content_digest, input_bytes, output_bytes, hex(input_digest), data_key")
    assert first[:4] == (None, None, 15, 20)
    assert first[4] == second[4] != other[4]


def test_metadata_only_still_is_a_row(log):
    log.start()
    log.commit(mode=RecordMode.NONE)

    assert rows(log, "mode, content, input_digest, output_digest, data_key") == [("none", None, None, None, None)]


def test_each_person_caller_and_month_has_a_key_of_its_own(log):
    log.start()
    log.commit_many(2, subject="ann")
    log.commit(subject="bob")
    log.commit(caller_id="ann")
    log.clock.advance(31 * 86400)
    log.commit(subject="ann")

    keys = [key for (key,) in rows(log, "data_key", "kind = 'call'")]
    subjects = [subject for (subject,) in rows(log, "subject", "kind = 'call'")]
    assert keys == [1, 1, 2, 3, 4]
    assert subjects[0] == subjects[1] == subjects[4] != subjects[2]
    assert subjects[3] is None


def test_keys_survive_a_restart_and_a_small_cache(log):
    log.start(data_keys_cached=512)
    ids = [log.commit(subject=f"person {number}") for number in range(3)]
    log.commit_many(600)
    for number in range(520):
        log.ledger.commit(log.entry(subject=f"other {number}"))
    ids.append(log.commit(subject="person 0"))
    log.stop()
    log.start()
    ids.append(log.commit(subject="person 0"))

    assert len({log.show(request_id)["data_key"] for request_id in (ids[0], *ids[3:])}) == 1
    assert {log.show(request_id)["content"] for request_id in ids} == {"kept"}


def test_an_erased_persons_content_is_unreadable_and_the_record_verifies(log):
    log.start()
    erased, kept = log.commit(subject="ann"), log.commit(subject="bob")
    log.wait(log.ledger.claim(SLOT))
    log.commit(subject="ann", idempotency=SLOT)

    done = log.wait(log.ledger.erase("ann", "k_admin"))
    after = log.commit(subject="ann")

    assert log.show(erased) | {"content": "erased", "input": None, "subject_name": None} == log.show(erased)
    assert {log.show(request_id)["content"] for request_id in (kept, after)} == {"kept"}
    assert done.data_keys == 1
    assert rows(log, "kind, signature IS NULL, caller_id", f"seq = {done.record}") == [("erased", 0, "k_admin")]
    assert log.ledger.stores.keys.read("SELECT count(*) FROM data_keys WHERE wrapped IS NULL") == [(1,)]
    with pytest.raises(IdempotencySpent, match="erased"):
        log.wait(log.ledger.claim(SLOT))
    assert verify(log.home).is_whole


def test_an_erased_persons_wrapped_keys_are_gone_from_the_disk(log):
    log.start()
    log.commit(subject="ann")
    ((wrapped,),) = log.ledger.stores.keys.read("SELECT wrapped FROM data_keys")
    assert wrapped in on_disk(log.home)

    log.wait(log.ledger.erase("ann", "owner"))

    assert wrapped not in on_disk(log.home)


def test_an_erasure_whose_tombstone_a_crash_kept_back_is_recorded_at_the_next_start(log):
    log.start()
    log.commit(subject="ann")
    log.ledger.stores.keys.write_now(
        lambda connection: connection.execute("UPDATE data_keys SET wrapped = NULL, destroyed_ns = 1")
    )
    log.stop()
    log.start()

    ((detail,),) = rows(log, "detail", "kind = 'erased'")
    assert '"data_keys":[1]' in detail
    log.stop()
    log.start()
    assert len(rows(log, "1", "kind = 'erased'")) == 1


def test_an_orphan_is_closed_as_unknown_at_the_next_start(log):
    log.start()
    log.wait(log.ledger.claim(SLOT))
    entry = log.entry(idempotency=SLOT, output=b"")
    log.wait(log.ledger.open(entry))
    log.stop()
    log.start()

    (call,) = log.newest()
    assert (call["outcome"], call["state"], call["request_id"]) == ("unknown_outcome", "done", entry.request_id)
    assert log.show(entry.request_id)["input"] == ['{"text":"good"}']
    with pytest.raises(IdempotencySpent, match="unknown"):
        log.wait(log.ledger.claim(SLOT))
    with pytest.raises(IdempotencyMismatch):
        log.wait(log.ledger.claim(IdempotencySlot(SLOT.slot, b"other")))
    assert verify(log.home).is_whole


def test_a_unary_call_cut_off_while_it_ran_leaves_its_key_free(log):
    log.start()
    log.wait(log.ledger.claim(SLOT))
    log.stop()
    log.start()

    assert log.wait(log.ledger.claim(SLOT)) is None


def test_a_kept_answer_survives_a_restart_until_it_is_too_old(log):
    log.start(replay_age_s=60)
    log.wait(log.ledger.claim(SLOT))
    request_id = log.commit(idempotency=SLOT, output=SECRET, mode=RecordMode.NONE)
    log.stop()
    log.start()

    assert log.wait(log.ledger.claim(SLOT)).body == SECRET
    assert log.wait(log.ledger.claim(SLOT)).request_id == request_id
    log.clock.advance(61)
    assert log.wait(log.ledger.claim(SLOT)) is None


@pytest.mark.parametrize("bound", [{"replay_count": 10}, {"replay_bytes": 480}, {"replay_age_s": 0.5}])
def test_kept_answers_are_bounded_oldest_first(log, bound):
    log.start(**bound)
    for number in range(40):
        slot = IdempotencySlot(bytes([number]) * 32, b"b")
        log.wait(log.ledger.claim(slot))
        log.commit(idempotency=slot)
    for _ in range(2):  # the second time to have the usage brought up to date
        log.clock.advance(1)
        log.settle()

    kept = log.ledger.stores.records.read("SELECT hex(slot) FROM replays ORDER BY id")
    usage = log.ledger.usage()
    assert len(kept) == usage.replays <= 10
    assert "replay_age_s" in bound or kept[-1][0] == "27" * 32


def test_more_kept_answers_than_one_pass_forgets_are_all_forgotten(log):
    log.start(replay_age_s=1)
    pendings = [
        log.ledger.commit(log.entry(idempotency=IdempotencySlot(number.to_bytes(32, "big"), b"b")))
        for number in range(700)
    ]
    for pending in pendings:
        log.wait(pending)
    log.clock.advance(2)
    for _ in range(3):
        log.settle()

    assert log.ledger.stores.records.read("SELECT count(*) FROM replays") == [(0,)]


def test_a_second_close_of_a_number_in_the_same_batch_is_refused(log):
    log.start()
    opened_row = log.wait(log.ledger.open(log.entry()))
    pendings = [log.ledger.close(opened_row, log.entry()) for _ in range(3)]

    outcomes = []
    for pending in pendings:
        try:
            outcomes.append(log.wait(pending))
        except Internal:
            outcomes.append("refused")
    assert outcomes == [None, "refused", "refused"]
    assert len(rows(log, "1", "kind = 'closed'")) == 1


def test_a_closing_row_that_there_is_no_room_for_leaves_its_call_open_to_be_closed_without_the_answer(log):
    log.start(inline_bytes=100)
    held = Reservation(1, 70, (("all", "total"),))
    opened_row = log.wait(log.ledger.open(log.entry(reservation=held)))
    (log.home / "content").write_text("no folder")
    is_writing, go_on = threading.Event(), threading.Event()
    busy = threading.Thread(
        target=log.ledger.stores.records.write_now, args=(lambda _: is_writing.set() or go_on.wait(20),)
    )
    busy.start()
    is_writing.wait(20)
    before, closing, after = (  # one batch
        log.ledger.commit(log.entry()),
        log.ledger.close(opened_row, log.entry(output=b"a" * 1000)),
        log.ledger.commit(log.entry()),
    )
    go_on.set()
    busy.join()

    assert [log.wait(pending) for pending in (before, after)] == [None, None]
    with pytest.raises(RecordUnavailable):
        log.wait(closing)
    assert log.ledger.stores.records.read("SELECT seq FROM running") == [(opened_row.number,)]
    assert log.ledger.spent() == {("all", "total"): 70}
    log.wait(log.ledger.close(opened_row, log.entry(output=b"", settled=(Settlement(held, 4),))))
    assert log.ledger.spent() == {("all", "total"): 4}
    assert rows(log, "refers_to", "kind = 'closed'") == [(opened_row.number,)]


def test_an_entry_that_cannot_be_sealed_fails_alone(log):
    log.start()
    good = [log.ledger.commit(log.entry()) for _ in range(3)]
    bad = log.ledger.commit(log.entry(client_request_id="\ud800"))
    good += [log.ledger.commit(log.entry()) for _ in range(3)]

    assert [log.wait(pending) for pending in good] == [None] * 6
    with pytest.raises(Internal):
        log.wait(bad)
    assert verify(log.home).records == 6
    assert verify(log.home).is_whole


def test_checkpoints_are_signed_each_second_that_something_was_recorded(log):
    log.start()
    for _ in range(3):
        log.commit()
        log.clock.advance(1)
        log.settle()
    log.clock.advance(5)
    log.settle()

    assert log.ledger.stores.records.read("SELECT size FROM checkpoints") == [(1,), (2,), (3,)]


def test_a_stopped_ledger_refuses(log):
    ledger = log.start()
    log.stop()

    with pytest.raises(RecordUnavailable):
        log.wait(ledger.commit(log.entry()))
    assert not ledger.is_available


@pytest.mark.parametrize("lost", ["kek", "keys.db", "records.db"])
def test_a_home_that_lost_a_file_is_refused(log, lost):
    log.start()
    log.commit()
    log.stop()
    (log.home / lost).unlink()

    with pytest.raises(HomeUnavailable, match="restore"):
        log.start()
    assert lost != "kek" or not (log.home / lost).exists()


def test_a_home_without_records_whose_keys_were_never_used_begins_its_record(log):
    log.start()
    log.stop()
    (log.home / "records.db").unlink()
    log.start()

    assert log.newest() == []


def test_keys_of_another_home_are_refused(log, tmp_path):
    log.start()
    log.stop()
    home, log.home = log.home, tmp_path / "other"
    log.start()
    log.stop()
    (home / "keys.db").replace(log.home / "keys.db")

    with pytest.raises(HomeUnavailable, match="another|not the one"):
        log.start()
    (home / "kek").replace(log.home / "kek")
    with pytest.raises(HomeUnavailable, match="does not belong"):
        log.start()


def test_the_key_file_may_lie_elsewhere_and_must_be_private(log, tmp_path):
    elsewhere = tmp_path / "safe" / "kek"
    log.start(kek_file=elsewhere)
    log.commit()
    log.stop()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600
    assert not (log.home / "kek").exists()

    elsewhere.chmod(0o640)
    with pytest.raises(HomeUnavailable, match="chmod 600"):
        log.start()


def test_a_key_file_that_is_none_is_refused_and_shows_no_key(tmp_path):
    path = tmp_path / "kek"
    path.write_bytes(b"headworks-kek-1 c2hvcnQ=\n")
    path.chmod(0o600)
    with pytest.raises(HomeUnavailable, match="no key file|is not a key file"):
        KeyFile.open(path, may_create=False)

    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(HomeUnavailable):
        KeyFile.open(path, may_create=False)
    assert repr(KeyFile(b"k" * 32)) == "KeyFile(...)"


def test_power_durability_writes_the_same_record(log):
    log.start(durable="power", inline_bytes=10)
    request_id = log.commit(output=SECRET)

    assert log.show(request_id)["output"] == SECRET.decode()
    assert verify(log.home).is_whole
