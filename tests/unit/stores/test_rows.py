"""Many rows by few statements."""

import apsw
import pytest

from headworks.stores.rows import RowInsert


@pytest.fixture
def connection():
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
    return connection


@pytest.mark.parametrize("count", [0, 1, 2, 3, 31, 32, 33, 100])
def test_every_row_arrives_in_order(connection, count):
    rows = [(n, f"row {n}") for n in range(count)]

    RowInsert("INSERT INTO t VALUES (\n    ?, ?\n);\n").insert(connection, rows)

    assert list(connection.execute("SELECT n, text FROM t ORDER BY rowid")) == rows


def test_many_rows_take_few_statements(connection):
    seen = []
    connection.exec_trace = lambda cursor, sql, values: bool(seen.append(len(values))) or True

    RowInsert("INSERT INTO t VALUES (?, ?)").insert(connection, [(n, "") for n in range(47)])

    assert seen == [64, 16, 8, 4, 2]
