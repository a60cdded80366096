"""A new key-encryption key, made in steps of which any may be the last."""

import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.records.kms import KeyFile
from headworks.records.ledger import Ledger
from headworks.records.reading import Records
from headworks.records.rekey import KEYS_AT_ONCE, Rekeyed, rekey
from headworks.records.settings import RecordSettings
from headworks.records.verify import verify
from headworks.stores.sqlite import connect
from headworks.units import SystemClock
from tests.unit.records.conftest import Log

PROGRAM = Path(__file__).with_name("fault_program.py")
PERSONS = KEYS_AT_ONCE + 3
SECRETS = 3
NEW_KEY = ["drafted", "replaced", "saved"]
PAGE = ["wrapped", "committed"]
STEPS = [*NEW_KEY, *PAGE, *PAGE, *PAGE, "folded", "proven", *NEW_KEY]
"""Of a home whose data keys fill one page and begin another; the first pair is that of the log's secrets."""
FIRST_WITH_BOTH, LAST_WITH_BOTH = STEPS.index("replaced"), STEPS.index("proven") + 1


class Ended(BaseException):
    """Stands for the process that ends."""


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """The home of many persons, after it was used."""
    log = Log(tmp_path_factory.mktemp("past") / "home")
    log.start()
    pendings = [log.ledger.commit(log.entry(subject=f"person {number}")) for number in range(PERSONS)]
    for pending in pendings:
        log.wait(pending)
    log.stop()
    return log.home


@pytest.fixture
def home(past, tmp_path):
    """A copy that a test may spoil."""
    shutil.copytree(past, tmp_path / "home")
    return tmp_path / "home"


def change(home, passed=lambda step: None):
    return rekey(RecordSettings(home=home), passed)


def end_after(count):
    """Ends the work after that many steps."""
    left = iter(range(count))

    def passed(step):
        if next(left, None) is None:
            raise Ended

    return passed


def calls(home):
    """Every recorded call, decrypted."""
    with Records(home) as records:
        return [msgspec.json.decode(line) for line in records.export(lambda what: None)]


def wrappings(home):
    connection = connect(home / "keys.db", "power")
    try:
        return {
            bytes(wrapped)
            for (wrapped,) in connection.execute("SELECT wrapped FROM data_keys WHERE wrapped IS NOT NULL")
        }
    finally:
        connection.close()


def assert_serves(home):
    """The home starts, records, reads every call and proves them."""
    before = len(calls(home))
    log = Log(home)
    log.start()
    log.commit(subject="somebody new")
    log.stop()
    found = calls(home)

    assert stat.S_IMODE((home / "kek").stat().st_mode) == 0o600
    assert {call["content"] for call in found} == {"kept"}
    assert len(found) == before + 1
    assert {f"person {number}" for number in range(PERSONS)} <= {call["subject_name"] for call in found}
    assert verify(home).is_whole


def test_every_key_is_wrapped_by_the_new_key_and_the_old_one_opens_nothing(home):
    old, before, was = (home / "kek").read_bytes(), wrappings(home), calls(home)
    folded = []

    def passed(step):
        if step == "folded":
            folded.append(b"".join(path.read_bytes() for path in home.glob("keys.db*")))

    done = change(home, passed)

    assert done == Rekeyed(keys=SECRETS + PERSONS, unreadable=0, was_begun=False)
    assert calls(home) == was
    assert len(before) == PERSONS
    assert_serves(home)
    assert [wrapped for wrapped in before if wrapped in folded[0]] == []
    new = (home / "kek").read_bytes()
    assert new.count(b"\n") == old.count(b"\n") == 1
    assert new != old
    (home / "kek").write_bytes(old)
    with pytest.raises(HomeUnavailable, match="not the one"):
        Ledger.start(RecordSettings(home=home), SystemClock(), lambda resolve: resolve())


def test_its_steps_are_the_ones_that_are_cut_off_below(home):
    steps = []
    change(home, steps.append)

    assert steps == STEPS


@pytest.mark.parametrize("count", range(len(STEPS)))
def test_a_process_killed_after_any_step_leaves_a_home_that_serves_and_the_next_run_finishes(home, count):
    command = [sys.executable, str(PROGRAM), "rekey", str(home), str(count)]
    process = subprocess.run(command, capture_output=True, timeout=60, check=False)
    lines = (home / "kek").read_bytes().count(b"\n")
    assert_serves(home)
    done = change(home)

    assert process.returncode == -9, process.stderr
    assert lines == (2 if FIRST_WITH_BOTH <= count <= LAST_WITH_BOTH else 1)
    assert done.was_begun == (lines == 2)
    assert (home / "kek").read_bytes().count(b"\n") == 1
    assert sorted(path.name for path in home.iterdir()) == ["kek", "keys.db", "records.db"]
    assert_serves(home)


@pytest.mark.parametrize("seed", range(4))
def test_a_change_cut_off_again_and_again_goes_on_where_it_was(home, seed):
    chance = random.Random(seed)
    for _ in range(8):
        try:
            change(home, end_after(chance.randrange(len(STEPS))))
        except Ended:
            continue
    finished = change(home)

    assert finished.unreadable == 0
    assert (home / "kek").read_bytes().count(b"\n") == 1
    assert_serves(home)


def test_a_run_after_a_cut_off_one_wraps_only_what_is_left(home):
    with pytest.raises(Ended):
        change(home, end_after(STEPS.index("folded") - 2))

    assert change(home) == Rekeyed(keys=PERSONS - KEYS_AT_ONCE, unreadable=0, was_begun=True)


def test_who_reads_meanwhile_reads_on(home):
    with Records(home) as records:
        lines = records.export(lambda what: None)
        first = [next(lines)]
        with pytest.raises(Ended):
            change(home, end_after(STEPS.index("folded")))
        first += [next(lines) for _ in range(PERSONS // 2)]
        change(home)
        read = [msgspec.json.decode(line) for line in [*first, *lines]]

    assert len(read) == PERSONS
    assert {call["content"] for call in read} == {"kept"}


def test_destroyed_keys_stay_destroyed(log):
    log.start()
    erased = log.commit(subject="ann")
    kept = log.commit(subject="bob")
    log.wait(log.ledger.erase("ann", "owner"))
    log.stop()
    done = change(log.home)

    assert done.keys == SECRETS + 1
    assert log.show(erased)["content"] == "erased"
    assert log.show(kept)["content"] == "kept"


def test_a_data_key_that_no_key_opens_is_counted_and_keeps_no_other_under_the_old_key(log):
    log.start()
    lost, kept = log.commit(subject="ann"), log.commit(subject="bob")
    log.ledger.stores.keys.write_now(
        lambda connection: connection.execute("UPDATE data_keys SET wrapped = zeroblob(60) WHERE id = 1")
    )
    log.stop()
    done = change(log.home)

    assert done == Rekeyed(keys=SECRETS + 1, unreadable=1, was_begun=False)
    assert log.show(lost)["content"] == "altered"
    assert log.show(kept)["content"] == "kept"


def test_another_homes_key_file_is_refused_before_anything_is_changed(home, tmp_path):
    wrong = tmp_path / "wrong"
    KeyFile.open(wrong, may_create=True)
    text = wrong.read_bytes()

    with pytest.raises(HomeUnavailable, match="not the one"):
        rekey(RecordSettings(home=home, kek_file=wrong))
    assert wrong.read_bytes() == text
    assert_serves(home)


def test_a_key_file_that_cannot_be_replaced_stays_and_so_do_the_wrappings(home):
    text, before = (home / "kek").read_bytes(), wrappings(home)
    (home / "kek.new").mkdir()

    with pytest.raises(HomeUnavailable, match="cannot be replaced"):
        change(home)
    assert (home / "kek").read_bytes() == text
    assert wrappings(home) == before


def test_where_the_old_key_cannot_be_dropped_its_line_is_named_to_be_removed_by_hand(home):
    def passed(step):
        if step == "proven":
            (home / "kek.new").mkdir()

    with pytest.raises(HomeUnavailable, match="remove the first line"):
        change(home, passed)
    first, second = (home / "kek").read_bytes().splitlines(keepends=True)
    (home / "kek").write_bytes(second)
    assert first != second
    assert_serves(home)


def test_the_last_line_of_a_key_file_wraps_and_every_line_unwraps(tmp_path):
    old, path = KeyFile.open(tmp_path / "kek", may_create=True), tmp_path / "kek"
    both = old.with_new_key()
    both.replace(path, lambda step: None)
    read = KeyFile.open(path, may_create=False)
    wrapped, anew = old.wrap(b"key", b"place"), read.wrap(b"key", b"place")

    assert read.is_changing
    assert read.unwrap(wrapped, b"place") == read.unwrap(anew, b"place") == b"key"
    assert both.with_newest_key().unwrap(anew, b"place") == b"key"
    assert read.rewrapped(anew, b"place") is None
    assert both.with_newest_key().unwrap(read.rewrapped(wrapped, b"place"), b"place") == b"key"
    with pytest.raises(RecordUnavailable):
        both.with_newest_key().unwrap(wrapped, b"place")
    with pytest.raises(RecordUnavailable):
        read.unwrap(anew, b"elsewhere")
    with pytest.raises(RecordUnavailable):
        read.rewrapped(anew, b"elsewhere")


@pytest.mark.parametrize(
    "spoilt", [lambda line: line * 3, lambda line: line + b"headworks-kek-1 \n", lambda line: line + b"x\n"]
)
def test_a_key_file_of_too_many_or_of_spoilt_lines_is_refused(tmp_path, spoilt):
    path = tmp_path / "kek"
    KeyFile.open(path, may_create=True)
    path.write_bytes(spoilt(path.read_bytes()))

    with pytest.raises(HomeUnavailable, match="is not a key file"):
        KeyFile.open(path, may_create=False)
