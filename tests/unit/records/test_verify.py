"""Whoever can write to the files changes something with another SQLite; verification finds it and names the first."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from headworks.errors import HomeUnavailable
from headworks.records.columns import COLUMNS, CONTENT, LEAF, leaf_of
from headworks.records.reading import own_verifier
from headworks.records.tree import Frontier
from headworks.records.verify import verify
from headworks.values import RecordMode

RECORDS = 300
STREAM_AT = 120


@pytest.fixture
def home(log):
    """A stopped home: 300 rows of every kind, some content in files."""
    log.start(inline_bytes=500)
    log.commit_many(STREAM_AT)
    entry = log.entry(subject="ann@example.org", client_request_id="theirs")
    opened_row = log.wait(log.ledger.open(entry))
    log.wait(log.ledger.close(opened_row, entry))
    log.commit(output=b"large" * 500)
    log.commit(mode=RecordMode.DIGEST)
    log.commit(mode=RecordMode.NONE)
    log.wait(log.ledger.erase("somebody", "owner"))
    log.commit_many(RECORDS - STREAM_AT - 6)
    log.stop()
    return log.home


def change(home, *statements):
    with closing(sqlite3.connect(home / "records.db")) as other, other:
        for statement, *args in statements:
            other.execute(statement, args)


def fetch(home, statement, *args):
    with closing(sqlite3.connect(home / "records.db")) as other:
        return other.execute(statement, args).fetchall()


def test_an_untouched_record_is_whole(home):
    verdict = verify(home, verifier=own_verifier(home))

    assert verdict.is_whole, verdict
    assert (verdict.records, verdict.signed, verdict.pruned) == (RECORDS, RECORDS, 0)


def test_a_running_record_is_whole(log):
    log.start()
    log.commit_many(300)
    log.wait(log.ledger.open(log.entry()))

    verdict = verify(log.home)

    assert verdict.is_whole, verdict
    assert verdict.records == 301


def flipped(value):
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, str):
        return value + "x"
    return 7 if value is None else value + 1


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "seq"])
def test_any_altered_column_of_any_row_is_found_and_named(home, column):
    original = home.parent / "original.db"
    shutil.copy(home / "records.db", original)
    for seq in (0, STREAM_AT, STREAM_AT + 1, STREAM_AT + 2, STREAM_AT + 3, STREAM_AT + 5, RECORDS - 1):
        ((value, request_id),) = fetch(home, f"SELECT {column}, request_id FROM records WHERE seq = ?", seq)
        new = flipped(value)
        if value is None and column not in {"refers_to", "expires_ns", "data_key", "cost_micros"}:
            new = "forged" if column in {"client_request_id", "detail", "usage"} else b"forged"
        change(home, (f"UPDATE records SET {column} = ? WHERE seq = ?", new, seq))

        found = verify(home).first_bad

        assert found is not None, (seq, column)
        assert found.seq == seq, (seq, column, found)
        assert found.request_id == (new if column == "request_id" else request_id)
        shutil.copy(original, home / "records.db")


@pytest.mark.parametrize("seq", [0, 57, 255, 256, RECORDS - 1])
def test_a_deleted_row_is_found_and_named(home, seq):
    change(home, ("DELETE FROM records WHERE seq = ?", seq))

    assert verify(home).first_bad.seq == seq


def test_a_content_set_to_null_is_found(home):
    change(home, ("UPDATE records SET content = NULL WHERE seq = 5",))

    assert verify(home).first_bad.seq == 5


def test_two_swapped_rows_are_found(home):
    change(
        home,
        ("UPDATE records SET seq = -1 WHERE seq = 10",),
        ("UPDATE records SET seq = 10 WHERE seq = 200",),
        ("UPDATE records SET seq = 200 WHERE seq = -1",),
    )

    assert verify(home).first_bad.seq == 10


@pytest.mark.parametrize("columns", ["content", "content, leaf"])
def test_two_swapped_ciphertexts_are_found_even_with_their_leaves(home, columns):
    ((*first,),) = fetch(home, f"SELECT {columns} FROM records WHERE seq = 10")
    ((*second,),) = fetch(home, f"SELECT {columns} FROM records WHERE seq = 20")
    assignments = ", ".join(f"{column} = ?" for column in columns.split(", "))
    change(home, (f"UPDATE records SET {assignments} WHERE seq = 10", *second))
    change(home, (f"UPDATE records SET {assignments} WHERE seq = 20", *first))

    assert verify(home).first_bad.seq == 10


def test_a_row_rewritten_with_its_leaf_is_found(home):
    ((*row,),) = fetch(home, "SELECT * FROM records WHERE seq = 40")
    row[COLUMNS.index("caller_id")] = "k_forged"
    leaf = leaf_of(tuple(row[:LEAF]), row[CONTENT])
    change(home, ("UPDATE records SET caller_id = 'k_forged', leaf = ? WHERE seq = 40", leaf))

    found = verify(home).first_bad

    assert found is not None
    assert "was replaced" in found.what


def test_a_row_rewritten_with_leaf_and_tree_is_found_by_the_signature(home):
    rebuild(home, lambda row: row | {"caller_id": "k_forged"} if row["seq"] == 40 else row)

    found = verify(home).first_bad

    assert "signed" in found.what


def rebuild(home, alter):
    """What a patient forger does: alter rows, then make every leaf, node and root anew."""
    edge = Frontier()
    with closing(sqlite3.connect(home / "records.db")) as other, other:
        other.execute("DELETE FROM nodes")
        for values in other.execute("SELECT * FROM records ORDER BY seq").fetchall():
            row = alter(dict(zip(COLUMNS, values, strict=True)))
            leaf = leaf_of(tuple(row.values())[:LEAF], row["content"])
            other.execute(
                "UPDATE records SET caller_id = ?, leaf = ? WHERE seq = ?", (row["caller_id"], leaf, row["seq"])
            )
            other.executemany("INSERT INTO nodes VALUES (?, ?, ?)", edge.extend([leaf]))
        other.execute("UPDATE tree SET size = ?, frontier = ?, root = ?", (edge.size, edge.packed(), edge.root()))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tree SET size = size - 1",
        "UPDATE tree SET root = zeroblob(32)",
        "UPDATE tree SET frontier = zeroblob(128)",
        "DELETE FROM tree",
        "DELETE FROM nodes",
        "UPDATE nodes SET hash = zeroblob(32)",
        "UPDATE checkpoints SET note = replace(note, '300', '299')",
        "INSERT INTO checkpoints SELECT size + 1, at_ns, note FROM checkpoints",
    ],
)
def test_an_altered_tree_is_found(home, statement):
    change(home, (statement,))

    assert not verify(home).is_whole


def test_a_cut_off_tail_is_found_by_the_newest_signature(home):
    edge = Frontier()
    edge.extend([leaf for (leaf,) in fetch(home, "SELECT leaf FROM records WHERE seq < 290 ORDER BY seq")])
    change(
        home,
        ("DELETE FROM records WHERE seq >= 290",),
        ("UPDATE tree SET size = 290, frontier = ?, root = ?", edge.packed(), edge.root()),
    )

    found = verify(home).first_bad

    assert found.seq == 290


def test_a_rolled_back_copy_is_found_with_a_checkpoint_kept_elsewhere(log, home):
    shutil.copy(home / "records.db", home.parent / "old.db")
    log.start()
    log.commit_many(5)
    log.stop()
    with log.read() as records:
        kept = records.checkpoint()
    shutil.copy(home.parent / "old.db", home / "records.db")

    assert verify(home).is_whole
    assert verify(home, since=kept).first_bad.seq == RECORDS


def test_a_history_rewritten_after_a_roll_back_is_found_with_a_checkpoint_kept_elsewhere(log, home):
    shutil.copy(home / "records.db", home.parent / "old.db")
    log.start()
    log.commit_many(5)
    log.stop()
    with log.read() as records:
        kept = records.checkpoint()
    shutil.copy(home.parent / "old.db", home / "records.db")
    log.start()
    log.commit_many(9)
    log.stop()

    assert verify(home).is_whole
    assert "not the ones that were signed for" in verify(home, since=kept).first_bad.what


def test_an_older_checkpoint_of_the_same_record_holds(log, home):
    with log.read() as records:
        kept = records.checkpoint()
    log.start()
    log.commit_many(5)
    log.stop()

    assert verify(home, since=kept).is_whole


def test_a_foreign_or_broken_checkpoint_is_refused(home):
    for text in ("", "headworks.local/other\n1\nAAAA\n\n— x AAAA\n"):
        with pytest.raises(ValueError, match="checkpoint"):
            verify(home, since=text)


def test_a_replaced_public_key_is_found_with_the_one_kept_elsewhere(log, home, tmp_path):
    own = own_verifier(home)
    log.home = tmp_path / "other"
    log.start()
    log.stop()
    with log.read() as records:
        other = records.verifier().text()
    change(home, ("UPDATE log SET verifier = ?", other))

    assert verify(home, verifier=own).first_bad.what == "the log's public key was replaced"


def test_a_missing_or_altered_content_file_is_found_and_named(home):
    (path,) = (path for path in (home / "content").rglob("*") if path.is_file())
    sealed = path.read_bytes()
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    altered = verify(home).first_bad
    path.unlink()
    missing = verify(home).first_bad

    assert altered.seq == missing.seq == STREAM_AT + 2
    assert "missing" in missing.what


def test_a_lost_closing_is_found_when_nothing_runs(log):
    log.start()
    log.wait(log.ledger.open(log.entry()))
    log.stop()
    change(log.home, ("DELETE FROM running",))

    assert "closing" in verify(log.home).first_bad.what


def test_a_home_without_a_record_cannot_be_verified(tmp_path):
    with pytest.raises(HomeUnavailable):
        verify(tmp_path)


def test_an_altered_record_is_not_appended_to(log, home):
    change(home, ("DELETE FROM records WHERE seq = 299",))

    with pytest.raises(HomeUnavailable, match="altered"):
        log.start()


def test_a_forged_history_is_not_appended_to(log, home):
    rebuild(home, lambda row: row | {"caller_id": "k_forged"} if row["seq"] == 40 else row)

    with pytest.raises(HomeUnavailable, match="altered"):
        log.start()
