"""SQL lives in .sql files: every query is named, explained, used, and never put together by code."""

import ast
import re
from pathlib import Path

import pytest

import headworks.records
import headworks.stores
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
