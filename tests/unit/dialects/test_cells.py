"""Text becomes what the schema says the field is, or stays text for the schema to refuse."""

from typing import Any

import pytest

from headworks.contract.schema import Schema
from headworks.dialects.native.cells import fields_of
from tests.unit.contracts import NUMBERS, PERSON

ROOT = {
    "type": "object",
    "$defs": {"Age": {"type": "integer"}, "Tag": {"enum": ["x", 1, True, None]}},
    "properties": {
        "integer": {"$ref": "#/$defs/Age"},
        "number": {"type": "number"},
        "boolean": {"type": "boolean"},
        "text": {"type": "string"},
        "maybe": {"anyOf": [{"$ref": "#/$defs/Age"}, {"type": "null"}]},
        "either": {"type": ["string", "number"]},
        "choice": {"$ref": "#/$defs/Tag"},
        "constant": {"const": 7},
        "list": {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]},
        "object": {"type": "object"},
        "any": {},
    },
}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("integer", "42", 42),
        ("integer", "-1", -1),
        ("integer", "4.0", 4.0),
        ("integer", "042", "042"),
        ("integer", "0x1", "0x1"),
        ("integer", " 4", " 4"),
        ("integer", "4_2", "4_2"),
        ("integer", "٤", "٤"),
        ("integer", "1" * 4301, "1" * 4301),
        ("number", "1e3", 1000.0),
        ("number", ".5", ".5"),
        ("number", "nan", "nan"),
        ("number", "1e999", "1e999"),
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("boolean", "1", "1"),
        ("text", "42", "42"),
        ("text", "true", "true"),
        ("maybe", "3", 3),
        ("maybe", "", None),
        ("maybe", "null", "null"),
        ("either", "3", 3),
        ("either", "x", "x"),
        ("choice", "x", "x"),
        ("choice", "1", 1),
        ("choice", "true", True),
        ("choice", "null", None),
        ("choice", "other", "other"),
        ("constant", "7", 7),
        ("list", "[1, 2]", [1, 2]),
        ("list", "3", [3]),
        ("list", "[1,", "[1,"),
        ("integer", "1٤", "1٤"),
        ("object", '{"a": 1}', {"a": 1}),
        ("object", '{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ("any", "text", "text"),
        ("any", "[true]", [True]),
        ("unknown", "1", "1"),
    ],
)
def test_a_text_is_read_as_its_field_says(name: str, text: str, value: Any) -> None:
    read = fields_of(Schema(ROOT)).value(name, text)

    assert read == value
    assert type(read) is type(value) or name == "list"


def test_an_empty_cell_is_a_field_not_given_unless_one_is_required() -> None:
    row = fields_of(Schema(PERSON)).row([("name", ""), ("age", ""), ("income", ""), ("grade", ""), ("tags", "")])

    assert row == {"name": "", "age": ""}


def test_list_fields_may_come_many_times_and_others_once() -> None:
    fields = fields_of(Schema(PERSON))

    assert fields.gathered([("tags", "1"), ("tags", "[2,3]"), ("age", "4")]) == ({"tags": [1, 2, 3], "age": 4}, None)
    assert fields.gathered([("age", "1"), ("age", "2")])[1] == "age"
    assert fields.gathered([("other", "1"), ("other", "2")])[1] == "other"


def test_a_schema_without_an_object_has_no_fields() -> None:
    assert not fields_of(Schema({"type": "string"})).is_row
    assert fields_of(Schema(NUMBERS)).is_row
    assert fields_of(Schema({"$ref": "#/$defs/A", "$defs": {"A": PERSON}})).value("age", "3") == 3
