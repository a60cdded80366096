"""SQL lives in .sql files: every query is named, explained, used, and never put together by code."""

import ast
import re
from pathlib import Path

import apsw
import pytest

import headworks.records
import headworks.stores
from headworks.records.columns import CLEAR, COLUMNS
from headworks.stores.queries import load_queries

FOLDERS = [Path(module.__path__[0]) for module in (headworks.records, headworks.stores)]
SOURCES = [path for folder in FOLDERS for path in sorted(folder.glob("*.py"))]
SQL = sorted(FOLDERS[0].glob("*.sql"))
PLAIN = {"BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_what_is_executed_is_a_named_query(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in {"execute", "executemany"}:
            continue
        sql = node.args[0]
        is_named = isinstance(sql, ast.Subscript) and isinstance(sql.slice, ast.Constant)
        is_plain = isinstance(sql, ast.Constant) and sql.value in PLAIN
        is_passed_on = isinstance(sql, ast.Name) and sql.id == "sql"
        assert is_named or is_plain or is_passed_on, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.name)
def test_every_query_is_explained_and_used(path):
    text = path.read_text()
    code = "".join(source.read_text() for source in SOURCES)

    assert re.findall(r"^-- name: .*\n(?!-- )", text, re.MULTILINE) == []
    for name in load_queries("headworks.records", path.name):
        assert f'sql["{name}"]' in code, name


VALUE_OF = {"INTEGER": lambda number: number, "TEXT": str, "BLOB": lambda number: bytes([number])}


def test_columns_are_named_in_the_order_of_the_table_of_inserting_and_of_listing():
    sql = load_queries("headworks.records", "records.sql")
    connection = apsw.Connection(":memory:")
    connection.execute(sql["create"])
    type_of = {name: kind for _, name, kind, *_ in connection.execute("PRAGMA table_info(records)")}
    values = {name: VALUE_OF[type_of[name]](number) for number, name in enumerate(COLUMNS)} | {"kind": "call"}
    row = tuple(values.values())
    connection.execute(sql["insert_record"], row)
    (named,) = connection.execute("SELECT * FROM records")
    asked = {"endpoint": None, "caller": None, "since_ns": None, "below": 1, "most": 1}
    listed = connection.execute(sql["rows_below"], asked)

    assert tuple(type_of) == COLUMNS
    assert dict(zip(COLUMNS, named, strict=True)) == values
    assert tuple(name for name, _ in listed.get_description()) == CLEAR
