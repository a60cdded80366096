"""Rows that are durable in the journal before the store has them: what goes that way, what a kill leaves, what is erased."""

import os
import shutil
import sqlite3
import time
from contextlib import closing

import pytest
from msgspec import structs
from msgspec.msgpack import Encoder

from headworks.commands import record_commands
from headworks.costs import Reservation, Settlement, Usage
from headworks.errors import HomeUnavailable, Internal, RecordUnavailable
from headworks.owner import settle
from headworks.pending import driven
from headworks.recording import Entry, IdempotencySlot
from headworks.records.journal import DRAFT, FILE, START_BYTES
from headworks.records.kms import KeyFile
from headworks.records.ledger import Ledger
from headworks.records.promises import MOST_BYTES, MOST_LACKING, STALLED_NS, Promise, items_of
from headworks.records.reading import Records
from headworks.records.settings import RecordSettings
from headworks.records.spending import LARGEST_FIGURE
from headworks.records.verify import verify
from headworks.stores.belongings import SqliteBelongings
from headworks.stores.work import Scheduling
from headworks.units import MILLISECOND_NS, SECOND_NS, RequestId
from headworks.values import RecordMode

ALL = ("all", "2026-09")
HELD = Reservation(1, 70, (ALL,), None, "up/m", 12)
SAID = b'"a secret of the heart"'
FAILS = "CREATE TRIGGER fails BEFORE UPDATE OF is_recorded ON data_keys BEGIN SELECT RAISE(ABORT, 'no room'); END"


class Rounds:
    """A loop's next round, and what is later, when the test says so."""

    def __init__(self):
        self.soon, self.later = [], []
        self.scheduling = Scheduling(self.soon.append, lambda s, callback: self.later.append(callback))

    def turn(self):
        due, self.soon[:] = list(self.soon), ()
        for each in due:
            each()

    def idle(self):
        due, self.later[:] = list(self.later), ()
        for each in due:
            each()


@pytest.fixture
def rounds():
    return Rounds()


@pytest.fixture
def promising(log, rounds):
    """A log whose rows may be promised, and whose caller has been here before."""
    log.scheduling = rounds.scheduling
    log.start()
    first = log.ledger.commit(log.entry())
    rounds.turn()
    log.wait(first)
    later(log)
    return log


def later(log):
    """So much later that what comes is alone."""
    log.clock.now_ns += MILLISECOND_NS


def through(log, rounds, pending):
    """A result that may take the end of a round."""
    later(log)
    rounds.turn()
    return log.wait(pending)


def drain(log):
    """Everything that was handed over to the loop."""
    while not log.mail.empty():
        log.mail.get()()


def until(holds):
    """Let the writer's thread go on until something holds."""
    give_up = time.monotonic() + 20
    while not holds() and time.monotonic() < give_up:
        os.sched_yield()


def count(log):
    return log.ledger.stores.records.read("SELECT count(*) FROM records")[0][0]


def killed(log):
    """The home as a process that was killed leaves it."""
    copy = log.home.with_name("killed")
    shutil.copytree(log.home, copy)
    return copy


def started(home, clock):
    return Ledger.start(RecordSettings(home=home), clock, lambda resolve: resolve())


def test_a_lone_row_is_durable_when_it_is_handed_over_and_stored_when_that_suits(promising, rounds):
    pending = promising.ledger.commit(promising.entry())
    done, stored = pending.is_done, count(promising)
    rounds.idle()
    promising.settle()

    assert (done, stored, count(promising)) == (True, 1, 2)


def test_rows_that_come_together_share_a_frame_at_the_end_of_the_round(promising, rounds):
    first = promising.ledger.commit(promising.entry())
    others = [promising.ledger.commit(promising.entry()) for _ in range(5)]
    before = [pending.is_done for pending in others]
    rounds.turn()
    rounds.turn()

    assert first.is_done
    assert before == [False] * 5
    assert [pending.is_done for pending in others] == [True] * 5
    assert count(promising) == 1


def test_a_caller_who_was_never_here_waits_for_the_store_since_a_key_must_be_made(promising, rounds):
    pending = promising.ledger.commit(promising.entry(caller_id="k_new"))
    before = pending.is_done
    rounds.turn()

    assert not before
    assert promising.wait(pending) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"idempotency": IdempotencySlot(b"s" * 32, b"b" * 32)},
        {"input": (bytes(MOST_BYTES),), "input_bytes": MOST_BYTES + 1},
        {"mode": RecordMode.DIGEST},
        {"subject": "somebody new"},
    ],
    ids=["an idempotency slot", "large content", "a digest of content", "a person's key to be made"],
)
def test_what_more_hangs_on_waits_for_the_store(promising, rounds, changes):
    pending = promising.ledger.commit(promising.entry(**changes))
    before = pending.is_done
    rounds.turn()

    assert not before
    assert promising.wait(pending) is None
    assert count(promising) == 2


def test_content_that_is_not_to_be_kept_is_not_in_the_journal_either(promising):
    pending = promising.ledger.commit(promising.entry(mode=RecordMode.NONE, input=(SAID,), output=SAID))
    copy = killed(promising)
    started(copy, promising.clock).stop()

    assert pending.is_done
    with Records(copy) as records:
        assert records.newest(most=1)[0]["input_bytes"] == promising.entry().input_bytes
    assert SAID not in b"".join(path.read_bytes() for path in copy.iterdir() if path.is_file())


def test_what_was_promised_before_a_kill_is_stored_at_the_next_start_whatever_had_arrived(promising, rounds):
    call = promising.entry(input=(SAID,), usage=Usage(input_tokens=3), cost_micros=5)
    stream = promising.entry(reservation=HELD)
    promising.ledger.commit(call)
    opened = through(promising, rounds, promising.ledger.open(stream))
    rounds.idle()
    promising.settle()
    half = count(promising)
    promising.ledger.reserve(opened, Reservation(2, 30, (ALL,)))
    later(promising)
    ended = structs.replace(stream, settled=(Settlement(HELD, 50),), output=b"x")
    through(promising, rounds, promising.ledger.close(opened, ended))
    copy = killed(promising)
    again = started(copy, promising.clock)
    spent = again.spent()
    again.stop()

    assert half == 3
    assert verify(copy).is_whole
    with Records(copy) as records:
        shown = records.show(call.request_id, lambda what: None)
        calls = {each["request_id"]: each["state"] for each in records.newest(most=10)}
    assert SAID.decode() in str(shown)
    assert calls[stream.request_id] == "done"
    assert len(calls) == 3
    assert spent == {ALL: 80}  # 50 settled, and the 30 of an attempt that nobody settled


def test_a_call_that_was_open_at_a_kill_is_closed_as_unknown_and_charged(promising, rounds):
    through(promising, rounds, promising.ledger.open(promising.entry(reservation=HELD)))
    copy = killed(promising)
    again = started(copy, promising.clock)
    spent = again.spent()
    again.stop()

    with Records(copy) as records:
        assert records.newest(most=1)[0]["outcome"] == "unknown_outcome"
    assert spent == {ALL: 70}


class Unreachable(KeyFile):
    """The home's own key, at a service that answers until it is asked for one kind of key."""

    def __init__(self, home, context):
        super().__init__(*KeyFile.open(home / "kek", may_create=False)._keys)
        self.context = context

    def unwrap(self, wrapped, context):
        if context.startswith(self.context):
            raise RecordUnavailable(reason="no connection")
        return super().unwrap(wrapped, context)


@pytest.mark.parametrize("context", [b"headworks secret", b"headworks journal"])
def test_a_start_while_the_key_cannot_be_asked_says_so_and_changes_nothing(promising, context):
    promising.ledger.commit(promising.entry())
    copy = killed(promising)
    before = (copy / FILE).read_bytes()
    with pytest.raises(HomeUnavailable, match=r"cannot be asked now.*no connection\. Try again\.$"):
        Ledger.start(RecordSettings(home=copy), promising.clock, lambda resolve: resolve(), Unreachable(copy, context))

    assert (copy / FILE).read_bytes() == before
    started(copy, promising.clock).stop()
    with Records(copy) as records:
        assert len(records.newest(most=10)) == 2


@pytest.mark.parametrize("durable", ["process", "power"])
def test_a_journal_that_a_kill_kept_from_being_finished_is_gone_after_a_start_that_makes_none(promising, durable):
    promising.stop()
    (promising.home / DRAFT).write_bytes(b"unfinished")
    promising.scheduling = None
    promising.start(durable=durable)

    assert not (promising.home / DRAFT).exists()


def test_a_start_that_is_killed_after_it_took_the_journal_over_takes_nothing_twice(promising):
    for _ in range(3):
        later(promising)
        promising.ledger.commit(promising.entry())
    copy = killed(promising)
    journal = (copy / FILE).read_bytes()
    started(copy, promising.clock).stop()
    (copy / FILE).write_bytes(journal)
    again = started(copy, promising.clock)
    again.stop()

    assert not (copy / FILE).exists()
    with Records(copy) as records:
        assert len(records.newest(most=10)) == 4


def test_a_promised_row_that_cannot_be_written_keeps_no_home_from_starting_and_no_other_row_out(promising, rounds):
    stream = promising.entry()
    opened = through(promising, rounds, promising.ledger.open(stream))
    for _ in range(2):
        later(promising)
        promising.ledger.close(opened, structs.replace(stream))
    later(promising)
    promising.ledger.commit(promising.entry())
    copy = killed(promising)
    again = started(copy, promising.clock)
    again.stop()

    assert [type(error) for error in again.lost] == [Internal]
    assert not (copy / FILE).exists()
    with Records(copy) as records:
        assert [each["state"] for each in records.newest(most=10)] == ["done"] * 3


@pytest.mark.parametrize(
    "at",
    [START_BYTES + 40, START_BYTES, START_BYTES + 2, START_BYTES + 4, START_BYTES + 8],
    ids=["sealed", "bytes", "many bytes", "items", "number"],
)
def test_damage_in_the_middle_of_a_journal_makes_no_wrong_row_and_takes_no_readable_one(promising, at):
    ends = []
    for _ in range(4):
        later(promising)
        promising.ledger.commit(promising.entry(input=(SAID,)))
        ends.append(promising.ledger._promises._journal._writing.at)
    copy = killed(promising)
    with (copy / FILE).open("r+b") as journal:
        journal.seek(at + ends[0])
        journal.write(b"\xff")
    again = started(copy, promising.clock)
    again.stop()

    assert verify(copy).is_whole
    assert [error.reason for error in again.lost] == ["the journal is damaged: 1 rows that it promised cannot be read"]
    with Records(copy) as records:
        assert len(records.newest(most=10)) == 4


def test_what_is_lost_where_a_command_takes_a_journal_over_is_told_a_line_each(promising, capsys):
    ends = []
    for retention_s in (None, None, 1e12, None):  # past what a file of rows can hold
        later(promising)
        promising.ledger.commit(promising.entry(retention_s=retention_s))
        ends.append(promising.ledger._promises._journal._writing.at)
    copy = killed(promising)
    with (copy / FILE).open("r+b") as journal:
        journal.seek(START_BYTES + ends[0])
        journal.write(b"\xff")
    settle(copy)
    told = capsys.readouterr().err.splitlines()
    settle(copy)

    assert len(told) == 2
    assert all(line.startswith("headworks: lost of what a killed service promised: ") for line in told)
    assert "1 rows that it promised cannot be read" in told[0]
    assert capsys.readouterr().err == ""
    with Records(copy) as records:
        assert len(records.newest(most=10)) == 3


def test_a_row_that_fails_its_whole_batch_is_lost_alone_when_a_journal_is_taken_over(promising, rounds):
    for retention_s in (None, 1e12, None):  # past what a file of rows can hold
        later(promising)
        promising.ledger.commit(promising.entry(retention_s=retention_s))
    copy = killed(promising)
    again = started(copy, promising.clock)
    again.stop()

    assert len(again.lost) == 1
    assert verify(copy).is_whole
    with Records(copy) as records:
        assert len(records.newest(most=10)) == 3


def test_of_a_frame_that_arrived_in_part_only_the_rest_is_taken_over():
    frame = (5, Encoder().encode([Promise("call", RequestId(name), Entry(RequestId(name), 0, "/")) for name in "abc"]))

    assert [item.promise for item in items_of([frame], {}, 6)] == [7]
    assert [item.promise for item in items_of([frame], {}, 4)] == [5, 6, 7]


def test_a_journal_of_another_version_is_refused_in_words():
    with pytest.raises(HomeUnavailable, match="another version"):
        items_of([(1, Encoder().encode([["call", 7]]))], {}, 0)


def test_a_clean_stop_leaves_no_journal(promising):
    promising.ledger.commit(promising.entry())
    promising.stop()

    assert not (promising.home / FILE).exists()
    with Records(promising.home) as records:
        assert len(records.newest(most=10)) == 2


def test_a_store_that_takes_nothing_for_long_is_waited_for(promising, rounds):
    promising.ledger.commit(promising.entry())
    promising.clock.now_ns += STALLED_NS
    waiting = promising.ledger.commit(promising.entry())
    before = waiting.is_done
    rounds.turn()

    assert not before
    assert promising.wait(waiting) is None


def test_a_store_that_is_far_behind_is_waited_for(promising, rounds):
    for _ in range(MOST_LACKING):
        promising.ledger.commit(promising.entry())
    for _ in range(4):
        rounds.turn()
    waiting = promising.ledger.commit(promising.entry())

    assert not waiting.is_done


def test_erasing_a_person_leaves_nothing_of_them_in_the_journal(promising, rounds):
    journal = promising.home / FILE
    first = promising.ledger.commit(promising.entry(subject="ann"))
    rounds.turn()
    promising.wait(first)
    later(promising)
    promised = promising.ledger.commit(promising.entry(subject="ann", input=(SAID,)))
    before = journal.read_bytes()[4096:]
    erasing = promising.ledger.erase("ann", "somebody")
    rounds.turn()
    promising.wait(erasing)

    assert promised.is_done
    assert any(before)
    assert not any(journal.read_bytes()[4096:])


def test_a_person_who_is_erased_is_gone_from_the_journal_though_who_asked_went_away(promising, rounds):
    first = promising.ledger.commit(promising.entry(subject="ann"))
    rounds.turn()
    promising.wait(first)
    later(promising)
    promising.ledger.commit(promising.entry(subject="ann", input=(SAID,)))
    promising.ledger.erase("ann", "somebody").abandon()
    rounds.turn()
    promising.settle()
    drain(promising)

    assert not any((promising.home / FILE).read_bytes()[4096:])


def test_a_person_is_forgotten_everywhere_though_who_asked_went_away(promising, rounds):
    forgotten = []
    belongings = SqliteBelongings(promising.ledger.stores.records, promising.clock)
    belongings.prepare()
    command = record_commands(promising.ledger, belongings, forgotten.append)["records.erase"]
    driven(command({"subject": "ann"}, None)).abandon()
    rounds.turn()
    promising.settle()
    drain(promising)

    assert forgotten == ["ann"]


def test_a_call_that_was_answered_before_its_person_is_erased_is_unreadable_even_where_both_are_written_together(
    promising, rounds
):
    first = promising.ledger.commit(promising.entry(subject="ann"))
    rounds.turn()
    promising.wait(first)
    later(promising)
    answered, beside = promising.entry(subject="ann", input=(SAID,)), promising.entry(input=(SAID,))
    promised = [promising.ledger.commit(each) for each in (answered, beside)]
    erasing = promising.ledger.erase("ann", "somebody")
    rounds.turn()
    erased = promising.wait(erasing)
    shown = promising.show(answered.request_id)

    assert all(each.is_done for each in promised)
    assert erased.data_keys == 1
    assert (shown["content"], shown["input"]) == ("erased", None)
    assert SAID.decode() in str(promising.show(beside.request_id))
    assert verify(promising.home).is_whole


def test_what_was_committed_beside_an_erasure_is_not_written_again_where_the_keys_file_fails_right_after(
    promising, rounds
):
    first = promising.ledger.commit(promising.entry(subject="ann"))
    rounds.turn()
    promising.wait(first)
    later(promising)
    answered = promising.entry(subject="ann", input=(SAID,))
    promising.ledger.commit(answered)
    with closing(sqlite3.connect(promising.home / "keys.db")) as keys:
        keys.execute(FAILS)
    erasing = promising.ledger.erase("ann", "somebody")
    rounds.turn()
    erased = promising.wait(erasing)
    promising.settle()

    assert erased.data_keys == 1
    assert count(promising) == 4
    assert promising.show(answered.request_id)["content"] == "erased"
    assert verify(promising.home).is_whole


@pytest.mark.parametrize("tokens", [LARGEST_FIGURE + 1, 2**63, 2**64, 10**30])
def test_a_figure_that_no_sum_has_room_for_is_refused_with_its_call_alone(promising, rounds, tokens):
    first, neighbour = promising.ledger.commit(promising.entry()), promising.ledger.commit(promising.entry())
    absurd = promising.ledger.commit(promising.entry(usage=Usage(input_tokens=tokens), cost_micros=1))
    last = promising.ledger.commit(promising.entry())
    for _ in range(3):
        rounds.turn()
    for pending in (first, neighbour, last):
        promising.wait(pending)
    with pytest.raises(Internal):
        promising.wait(absurd)
    promising.settle()

    assert count(promising) == 4
    assert promising.ledger.is_available


def test_promised_content_that_finds_no_room_for_its_file_waits_with_the_store_and_is_not_lost(promising, rounds):
    told = []
    promising.stop()
    promising.start(inline_bytes=10)
    promising.ledger.when_lost = told.append
    through(promising, rounds, promising.ledger.commit(promising.entry()))
    shutil.rmtree(promising.home / "content")
    (promising.home / "content").touch()  # nothing can be filed
    later(promising)
    answered = promising.entry(input=(SAID,))
    promised = promising.ledger.commit(answered)
    rounds.idle()
    until(lambda: not promising.ledger.is_available)
    (promising.home / "content").unlink()
    promising.clock.advance(5)
    until(lambda: promising.ledger.is_available)
    promising.settle()

    assert promised.is_done
    assert told == []
    assert SAID.decode() in str(promising.show(answered.request_id))


@pytest.mark.parametrize("days", [40, -40])
def test_the_first_call_of_another_month_waits_for_its_key_also_where_the_clock_goes_back(promising, rounds, days):
    at_ns = promising.clock.wall_ns() + days * 86_400 * SECOND_NS
    waiting = promising.ledger.commit(structs.replace(promising.entry(), at_wall_ns=at_ns))
    before = waiting.is_done
    rounds.turn()
    promising.wait(waiting)
    later(promising)
    back = promising.ledger.commit(promising.entry())

    assert not before
    assert back.is_done
    assert verify(promising.home).is_whole


def test_a_second_close_is_a_defect_that_is_told_and_harms_no_other(promising, rounds):
    told = []
    promising.ledger.when_lost = told.append
    opened = through(promising, rounds, promising.ledger.open(promising.entry()))
    for _ in range(2):
        later(promising)
        promising.ledger.close(opened, promising.entry())
    later(promising)
    promising.ledger.commit(promising.entry())
    rounds.idle()
    promising.settle()
    drain(promising)

    assert [type(error) for error in told] == [Internal]
    assert count(promising) == 4
    assert promising.ledger._promises._journal.lacking == 0


def test_power_cuts_are_outlived_by_the_store_alone(log, rounds):
    log.scheduling = rounds.scheduling
    log.start(durable="power")
    pending = log.ledger.commit(log.entry())
    rounds.turn()
    log.wait(pending)

    assert not (log.home / FILE).exists()


def test_settled_is_told_once_all_that_was_promised_can_be_read(promising, rounds):
    promising.ledger.commit(promising.entry())
    settling = promising.ledger.settled()
    rounds.turn()
    promising.wait(settling)

    assert count(promising) == 2


def test_the_expiry_and_times_of_an_entry_outlive_the_journal(promising):
    entry = promising.entry(retention_s=60.0, stages_us=(1, 2, 3), client_request_id="c-1")
    promising.ledger.commit(entry)
    copy = killed(promising)
    started(copy, promising.clock).stop()

    with Records(copy) as records:
        found = records.newest(most=1)[0]
    assert (found["request_id"], found["client_request_id"]) == (entry.request_id, "c-1")
    assert found["stages_us"] == [1, 2, 3]
    assert promising.clock.wall_ns() < entry.at_wall_ns + 60 * SECOND_NS


def test_a_journal_of_another_home_is_refused(promising, tmp_path):
    promising.ledger.commit(promising.entry())
    other = tmp_path / "other"
    started(other, promising.clock).stop()
    shutil.copy(promising.home / FILE, other / FILE)

    with pytest.raises(HomeUnavailable, match="another record"):
        started(other, promising.clock)
