"""CSV in and out."""

import csv
import io
import json

import pytest

from headworks.dialects.native.table import rows_of, table_of
from headworks.errors import BodyTooLarge, Malformed, SchemaViolation, UnsupportedMedia
from tests.unit.contracts import PERSON, make_contract

PEOPLE = make_contract(PERSON, is_batch=True)


def test_rows_are_typed_by_the_schema() -> None:
    body = b'\xef\xbb\xbfname,age, income ,member\r\n"Doe, Jane",44,1.5e3,true\r\n\r\nJohn,5,,\r\n'

    rows = rows_of(body, PEOPLE, 10)

    assert rows == [{"name": "Doe, Jane", "age": 44, "income": 1500.0, "member": True}, {"name": "John", "age": 5}]


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (b"", Malformed, "first line"),
        (b"\r\n", Malformed, "first line"),
        (b"name,age\nx\n", Malformed, "Line 2 has 1 cells"),
        (b"name,age\nx,1,2\n", Malformed, "Line 2 has 3 cells"),
        (b'name,age\n"x,1\n', Malformed, "line"),
        (b'name,age\n"x"y,1\n', Malformed, "line 2"),
        (b"name,age\n\xff,1\n", Malformed, "UTF-8 at byte 9"),
        (b"name,age\n" + b"x" * 200_000 + b",1\n", Malformed, "line 2"),
        (b"name,age\n" + b"x,1\n" * 11, BodyTooLarge, "10 rows"),
        (b"a," * 2_000 + b"b\n", BodyTooLarge, "columns"),
        (b"name,age,name\n", SchemaViolation, "schema"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(body: bytes, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        rows_of(body, PEOPLE, 10)


def test_an_input_without_named_fields_cannot_come_as_csv() -> None:
    with pytest.raises(UnsupportedMedia):
        rows_of(b"a\n1\n", make_contract({"type": "string"}), 10)


def test_replies_become_rows() -> None:
    reply = [{"label": "good", "score": 0.5}, {"label": 'b,"c', "score": None, "more": 1}, {"score": [1, {"a": True}]}]

    table = table_of(json.dumps(reply).encode(), ("label", "score"), is_array=True)

    assert table == b'label,score\r\ngood,0.5\r\n"b,""c",\r\n,"[1,{""a"":true}]"\r\n'
    assert table_of(b"true", ("value",), is_array=False) == b"value\r\ntrue\r\n"
    assert table_of(b"[1,2]", ("value",), is_array=True) == b"value\r\n1\r\n2\r\n"


def test_a_text_is_never_a_formula_for_a_spreadsheet() -> None:
    table = table_of(json.dumps([{"label": "=1+1"}, {"label": "@x"}, {"label": -1}]).encode(), ("label",), True)

    assert [row[0] for row in csv.reader(io.StringIO(table.decode()))] == ["label", "'=1+1", "'@x", "-1"]
