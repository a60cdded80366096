"""Schemas are compiled once; what is wrong is named by field, and never repeats what came."""

from typing import Any

import pytest

from headworks.contract.schema import Schema, at_pointer, binary_fields, contract_from, pointer_of, resolved
from headworks.errors import ConfigurationRefused, SchemaViolation
from tests.unit.contracts import BASE64, NUMBERS, PERSON, PHOTO, PICTURE, SCORE, make_contract

SECRET = "hunter2-hunter2"


def said(schema: dict[str, Any], document: Any) -> list[tuple[str, str]]:
    return [(error.pointer, error.message) for error in Schema(schema).errors(document)]


@pytest.mark.parametrize(
    ("schema", "document", "pointer", "message"),
    [
        ({"type": "integer"}, SECRET, "", "must be of type integer"),
        ({"type": ["integer", "null"]}, SECRET, "", "must be of type null, integer"),
        ({"enum": ["a", 1]}, SECRET, "", "must be one of a, 1"),
        ({"const": 4}, SECRET, "", "must be 4"),
        ({"minimum": 1}, 0, "", "must be at least 1"),
        ({"maximum": 1.5}, 2, "", "must be at most 1.5"),
        ({"exclusiveMinimum": 1}, 1, "", "must be more than 1"),
        ({"exclusiveMaximum": 1}, 1, "", "must be less than 1"),
        ({"multipleOf": 2}, 1, "", "must be a multiple of 2"),
        ({"minLength": 99}, SECRET, "", "must have at least 99 characters"),
        ({"maxLength": 1}, SECRET, "", "must have at most 1 characters"),
        ({"pattern": "^a"}, SECRET, "", "must match the pattern ^a"),
        ({"format": "date"}, SECRET, "", "must be a valid date"),
        ({"minItems": 1}, [], "", "must have at least 1 items"),
        ({"uniqueItems": True}, [1, 1], "", "must not repeat an item"),
        ({"required": ["a/b"]}, {}, "/a~1b", "is required"),
        (
            {"properties": {"name": {}}, "additionalProperties": False},
            {"nam": 1},
            "/nam",
            "is not a known field; did you mean 'name'?",
        ),
        ({"properties": {}, "additionalProperties": False}, {"zzz": SECRET}, "/zzz", "is not a known field"),
        (
            {"items": {"properties": {"x~y": {"type": "null"}}}},
            [{}, {"x~y": SECRET}],
            "/1/x~0y",
            "must be of type null",
        ),
        ({"anyOf": [{"type": "null"}, {"type": "object", "required": ["a"]}]}, {}, "/a", "is required"),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, SECRET, "", "matches none of the allowed forms"),
        ({"not": {}}, SECRET, "", "has a form that is not allowed"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "/b", "is required"),
        ({"contains": {"type": "null"}}, [SECRET], "", "must hold at least one matching item"),
    ],
)
def test_each_error_says_where_and_what_would_be_right(schema: Any, document: Any, pointer: str, message: str) -> None:
    assert (pointer, message) in said(schema, document)
    assert SECRET not in repr(said(schema, document))


def test_a_tagged_union_names_the_field_in_the_member_that_was_meant() -> None:
    cat = {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "type": "object"}
    dog = {"properties": {"kind": {"const": "dog"}}, "type": "object"}

    assert ("/lives", "must be of type integer") in said({"oneOf": [cat, dog]}, {"kind": "cat", "lives": "nine"})


def test_messages_and_pointers_are_bounded() -> None:
    errors = Schema({"enum": ["x" * 300] * 9, "additionalProperties": False}).errors({"k" * 900: 1})

    assert all(len(error.message) <= 200 and len(error.pointer) <= 500 for error in errors)
    assert len(Schema({"items": {"type": "null"}}).errors([1] * 100)) == 20


def test_check_raises_with_the_pointer_of_the_document() -> None:
    with pytest.raises(SchemaViolation) as caught:
        Schema(NUMBERS).check({"x": [1]}, "/7")

    assert caught.value.errors[0].pointer == "/7/x"
    Schema(NUMBERS).check({"x": [1, 2]})


@pytest.mark.parametrize(
    "schema", [{"type": "strin"}, {"$ref": "#/$defs/Gone"}, {"$ref": "http://127.0.0.1:1/x"}, {"pattern": "("}]
)
def test_what_is_no_schema_is_refused_and_nothing_is_fetched(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationRefused, match="Not a JSON Schema"):
        Schema(schema)


def test_a_pattern_that_could_run_for_ever_does_not() -> None:
    slow = Schema({"type": "string", "pattern": "^(a+)+$"})
    bounded = Schema({"type": "string", "pattern": "^(?=a)(a+)+$"})

    assert not slow.is_valid("a" * 5_000 + "!")
    assert not bounded.is_valid("a" * 5_000 + "!")


def test_a_contract_knows_its_binary_fields_and_pictures() -> None:
    root = {"$ref": "#/$defs/A", "$defs": {"A": PHOTO}}
    maybe = {
        "type": "object",
        "properties": {"sound": {"anyOf": [BASE64, {"type": "null"}]}, "text": {"type": "string"}},
    }

    assert binary_fields(PHOTO) == binary_fields(root) == ("image",)
    assert binary_fields(PICTURE) == ("",)
    assert binary_fields(maybe) == ("sound",)
    assert make_contract(PHOTO).pictures == ("image",)
    assert make_contract(maybe).pictures == ()
    assert make_contract(PICTURE).pictures == ("",)
    assert make_contract(root).form.is_valid({"image": True})
    assert not make_contract(root).form.is_valid({})


def test_a_contract_knows_how_it_can_be_answered() -> None:
    assert make_contract(reply=SCORE).columns == ("label", "score")
    assert make_contract(reply={"type": "number"}).columns == ("value",)
    assert make_contract(reply={"type": "array"}).media == ("application/json",)
    assert make_contract(is_stream=True).media == ("application/json", "text/csv", "text/event-stream")


def test_an_example_must_fit_the_request() -> None:
    with pytest.raises(ConfigurationRefused) as caught:
        contract_from(PERSON, SCORE, False, False, [{"name": "a", "age": 1}, {"name": "a"}])

    assert caught.value.errors[0].pointer == "/examples/1/age"


def test_pointers_and_references_are_followed() -> None:
    root = {"$defs": {"a/b": {"x": [1, {"y": 2}]}}, "$ref": "#/$defs/a~1b"}

    assert at_pointer(root, "/$defs/a~1b/x/1/y") == 2
    assert at_pointer(root, "/$defs/none") is at_pointer(root, "/$defs/a~1b/x/9") is None
    assert resolved(root, root) == root["$defs"]["a/b"]
    assert resolved({"$ref": "#/$defs/none"}, root) == resolved(True, root) == {}
    assert pointer_of(["a/b", 0, "~"], "/at") == "/at/a~1b/0/~0"
