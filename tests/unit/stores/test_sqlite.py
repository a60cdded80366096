import queue
import sqlite3
import stat
from contextlib import closing

import apsw
import pytest

from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.pending import Pending
from headworks.stores.queries import load_queries
from headworks.stores.sqlite import Stores, connect_to_read
from headworks.units import SystemClock


@pytest.fixture
def mail():
    return queue.SimpleQueue()


@pytest.fixture
def stores(tmp_path, mail):
    opened = Stores.open(tmp_path, "process", mail.put, SystemClock())
    yield opened
    opened.close()


def settled(pending: Pending, mail):
    while not pending.is_done:
        mail.get(timeout=10)()
    return pending.result()


def make_table(connection):
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT")


def test_what_was_written_is_read_back_from_its_own_file(stores, mail):
    stores.keys.write_now(make_table)
    settled(stores.keys.write(lambda c: c.execute("INSERT INTO things VALUES (1, 'a')")), mail)

    assert stores.keys.read("SELECT name FROM things WHERE id = ?", (1,)) == [("a",)]
    with pytest.raises(RecordUnavailable):
        stores.records.read("SELECT name FROM things")


def test_a_job_that_raises_undoes_itself_only(stores, mail):
    stores.records.write_now(make_table)

    def half_done(connection):
        connection.execute("INSERT INTO things VALUES (2, 'half')")
        raise ValueError("no")

    kept = stores.records.write(lambda c: c.execute("INSERT INTO things VALUES (1, 'kept')"))
    undone = stores.records.write(half_done)
    settled(kept, mail)
    with pytest.raises(ValueError, match="no"):
        settled(undone, mail)

    assert stores.records.read("SELECT name FROM things") == [("kept",)]


def test_a_broken_constraint_reaches_whoever_wrote(stores):
    stores.records.write_now(make_table)
    stores.records.write_now(lambda c: c.execute("INSERT INTO things VALUES (1, 'a')"))

    with pytest.raises(apsw.ConstraintError):
        stores.records.write_now(lambda c: c.execute("INSERT INTO things VALUES (2, 'a')"))


def test_results_come_back_through_post_only(stores, mail):
    pending = stores.records.write(lambda c: 7)
    resolve = mail.get(timeout=10)

    assert not pending.is_done
    resolve()
    assert pending.result() == 7


def test_a_clean_stop_leaves_the_files_alone(stores, tmp_path):
    stores.records.write_now(make_table)
    stores.keys.write_now(make_table)
    stores.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys.db", "records.db"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_write_after_the_stop_is_refused(stores, mail):
    stores.close()

    with pytest.raises(RecordUnavailable):
        settled(stores.records.write(lambda c: 1), mail)
    with pytest.raises(RecordUnavailable):
        stores.records.write_now(lambda c: 1)


def test_a_reader_sees_a_running_writers_commits_and_cannot_write(stores, tmp_path):
    stores.records.write_now(make_table)
    reader = connect_to_read(tmp_path / "records.db")

    assert list(reader.execute("SELECT count(*) FROM things")) == [(0,)]
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("INSERT INTO things VALUES (1, 'a')")


def test_a_file_that_is_no_database_is_named(tmp_path, mail):
    (tmp_path / "records.db").write_bytes(b"not a database" * 100)

    with pytest.raises(HomeUnavailable, match=r"records\.db"):
        Stores.open(tmp_path, "process", mail.put, SystemClock())


def test_a_missing_file_is_not_created_by_reading(tmp_path):
    with pytest.raises(HomeUnavailable, match="does not exist"):
        connect_to_read(tmp_path / "records.db")
    assert list(tmp_path.iterdir()) == []


def test_the_standard_library_can_read_the_files_beside_us(stores, tmp_path):
    stores.records.write_now(make_table)
    stores.close()

    with sqlite3.connect(tmp_path / "records.db") as other:
        assert other.execute("SELECT count(*) FROM things").fetchone() == (0,)
    other.close()


def test_queries_are_read_by_name_without_their_comments(tmp_path, monkeypatch):
    folder = tmp_path / "some_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "ok.sql").write_text("-- name: one\n-- Gives one.\nSELECT 1;\n\n-- name: two\nSELECT 2;\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert load_queries("some_package", "ok.sql") == {"one": "SELECT 1;", "two": "SELECT 2;"}


def test_a_home_of_another_format_is_refused_with_both_formats_named(tmp_path, mail):
    Stores.open(tmp_path, "process", mail.put, SystemClock()).close()
    with closing(sqlite3.connect(tmp_path / "records.db")) as other:
        other.execute("CREATE TABLE something (a)")
        other.execute("PRAGMA user_version = 1")
        other.commit()

    with pytest.raises(HomeUnavailable, match="format 1, this version of Headworks reads format 2"):
        Stores.open(tmp_path, "process", mail.put, SystemClock())
    with pytest.raises(HomeUnavailable, match="format 1"):
        connect_to_read(tmp_path / "records.db")
