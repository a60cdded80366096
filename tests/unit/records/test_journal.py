"""The file of what was promised, against a list in memory; killed at any write, torn at any byte."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.records import journal
from headworks.records.journal import FILE, SEGMENT_BYTES, START_BYTES, Journal, kept, writes_in_place
from headworks.records.kms import WrappedElsewhere

SECRET = b"what a person said"


def same(key):
    return key


def read(folder, after=0):
    return kept(folder, same, after)


@pytest.fixture
def begun(tmp_path):
    made = Journal.begin(tmp_path, same, 0)
    yield made
    made.close()


def test_what_is_kept_is_read_again_by_number(tmp_path, begun):
    begun.keep(b"one", 1)
    begun.keep(b"two and three", 2)

    assert begun.lacking == 3
    assert read(tmp_path) == [(1, b"one"), (2, b"two and three")]
    assert read(tmp_path, after=1) == [(2, b"two and three")]
    assert read(tmp_path, after=2) == [(2, b"two and three")]
    assert read(tmp_path, after=3) == []


def test_a_new_journal_goes_on_from_a_number_in_place_of_the_old(tmp_path, begun):
    begun.keep(b"old", 1)
    Journal.begin(tmp_path, same, 1).keep(b"new", 1)

    assert read(tmp_path, after=1) == [(2, b"new")]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_quiet_journal_stays_on_its_first_page(begun):
    for number in range(1, 200):
        begun.keep(b"x" * 1000, 1)
        begun.passed(number)

    assert begun._writing.used < 2000


def test_what_finds_no_room_is_refused_until_the_store_has_taken_some(tmp_path, begun):
    piece, count = b"x" * 100_000, 0
    while begun.keep(piece, 1) is not None:
        count += 1
    refused = begun.keep(piece, 1)
    begun.passed(SEGMENT_BYTES // len(piece))

    assert count == 2 * (SEGMENT_BYTES // (len(piece) + 32))
    assert refused is None
    assert begun.keep(piece, 1) == count + 1
    assert read(tmp_path, after=SEGMENT_BYTES // len(piece))[-1] == (count + 1, piece)


def test_what_is_larger_than_a_segment_is_refused(begun):
    assert begun.keep(bytes(SEGMENT_BYTES), 1) is None


def test_nothing_of_the_content_lies_in_the_file(tmp_path, begun):
    begun.keep(SECRET, 1)

    assert SECRET not in (tmp_path / FILE).read_bytes()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_wiping_leaves_nothing_of_what_the_store_has(tmp_path, begun):
    begun.keep(b"a" * 5000, 1)
    begun.passed(1)
    begun.wipe()

    assert not any((tmp_path / FILE).read_bytes()[START_BYTES:])
    assert read(tmp_path) == []


def test_wiping_waits_for_what_the_store_lacks_and_new_items_go_elsewhere(tmp_path, begun):
    begun.keep(b"a" * 5000, 1)
    begun.passed(1)
    begun.keep(b"still needed", 1)
    begun.wipe()
    begun.keep(b"after", 1)
    between = read(tmp_path, after=1)
    begun.passed(2)
    content = (tmp_path / FILE).read_bytes()

    assert between == [(2, b"still needed"), (3, b"after")]
    assert not any(content[START_BYTES : START_BYTES + SEGMENT_BYTES])
    assert read(tmp_path, after=2) == [(3, b"after")]


def test_wiping_ends_though_the_store_always_lacks_something(tmp_path, begun):
    for _ in range(2):
        begun.keep(b"a" * 5000, 1)
    begun.passed(1)
    begun.wipe()  # the second item is still needed: what follows goes to the other segment
    begun.keep(b"b" * 5000, 1)
    begun.wipe()  # now both hold what is needed
    begun.keep(b"c", 1)
    begun.passed(3)
    begun.keep(b"d", 1)
    begun.passed(4)
    content = (tmp_path / FILE).read_bytes()

    assert read(tmp_path, after=4) == [(5, b"d")]
    assert not any(content[START_BYTES + SEGMENT_BYTES :])
    assert not any(content[START_BYTES + 100 : START_BYTES + SEGMENT_BYTES])


def test_a_closed_journal_is_gone_when_the_store_has_everything_and_stays_when_not(tmp_path):
    whole, lacking = tmp_path / "whole", tmp_path / "lacking"
    for folder, passed in ((whole, 1), (lacking, 0)):
        folder.mkdir()
        made = Journal.begin(folder, same, 0)
        made.keep(b"x", 1)
        made.passed(passed)
        made.close()

    assert list(whole.iterdir()) == []
    assert read(lacking) == [(1, b"x")]


def test_a_home_without_a_journal_promised_nothing(tmp_path):
    assert read(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"something else", b"headworks journal 1\n"])
def test_a_file_that_is_no_journal_is_refused(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(HomeUnavailable, match="move it away"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (WrappedElsewhere(reason="not mine"), "another key.*move it away"),
        (RecordUnavailable(reason="no connection"), "^The key-encryption key cannot be asked now.*no connection. Try"),
    ],
    ids=["not its key", "no answer"],
)
def test_a_key_service_that_does_not_answer_is_told_from_one_that_does_not_open_the_journal(
    tmp_path, begun, error, told
):
    def unwrap(_):
        raise error

    with pytest.raises(HomeUnavailable, match=told):
        kept(tmp_path, unwrap, 0)


@pytest.mark.parametrize("spoiled", [range(1), range(16), range(500), range(-40, 500)])
def test_what_follows_a_spoiled_place_is_read(tmp_path, begun, spoiled):
    for number in range(1, 6):
        begun.keep(bytes([number]) * 700, 1)
    size = begun._writing.at // 5
    with (tmp_path / FILE).open("r+b") as file:
        file.seek(START_BYTES + 2 * size + spoiled.start)
        file.write(b"\x5a" * len(spoiled))
    found = [first for first, _ in read(tmp_path)]

    assert found == ([1, 4, 5] if spoiled.start < 0 else [1, 2, 4, 5])


def test_no_room_for_a_journal_leaves_nothing_behind(tmp_path, begun):
    def no_key(_):
        raise OSError("no service for keys")

    with pytest.raises(OSError, match="no service"):
        Journal.begin(tmp_path, no_key, 0)

    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(("folder", "answer"), [("/dev/shm", True), ("/proc/self", False), ("/sys/kernel", False)])
def test_only_file_systems_that_write_in_place_are_written_to_through_memory(folder, answer):
    assert writes_in_place(Path(folder)) is answer


SMALL = 4096
STEP = st.one_of(
    st.tuples(st.just("keep"), st.integers(1, 700), st.integers(1, 4)),
    st.tuples(st.just("pass"), st.floats(0, 1)),
    st.tuples(st.just("wipe")),
)


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEP, max_size=60), torn=st.integers(0, 40))
def test_whatever_was_kept_and_not_passed_is_read_after_a_kill_and_nothing_else(tmp_path_factory, steps, torn):
    folder = tmp_path_factory.mktemp("home")
    made = Journal(_file(folder), folder, _KEY, 0)
    promised, passed, newest = [], 0, 0
    for step, *words in steps:
        if step == "keep":
            size, count = words[0] * (SEGMENT_BYTES // SMALL), words[1]
            items = bytes([len(promised) % 251]) * size
            if made.keep(items, count) is not None:
                promised.append((newest + 1, items, newest + count))
                newest += count
        elif step == "pass":
            passed += int((newest - passed) * words[0])
            made.passed(passed)
        else:
            made.wipe()
    _tear(folder, made, torn)
    found, lacking = read(folder, after=passed), made.lacking
    made.close()

    assert found == [(first, items) for first, items, last in promised if last > passed]
    assert lacking == newest - passed


_KEY = bytes(32)


def _file(folder):
    """A journal's file without its zeros, which would only take time."""
    handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT)
    os.pwrite(handle, journal._MAGIC + journal._WRAPPED.pack(32) + _KEY, 0)
    os.ftruncate(handle, START_BYTES + 2 * SEGMENT_BYTES)
    return handle


def _tear(folder, made, size):
    """The start of a frame that a kill cut off."""
    with (folder / FILE).open("r+b") as file:
        segment = made._writing
        at = 0 if segment.last <= made._passed else segment.at
        if size and at + size <= SEGMENT_BYTES:
            file.seek(segment.start + at)
            file.write((journal._HEAD.pack(900, 1, made._number + 1) + bytes(size))[:size])
