"""What may change inside a published version, each rule from both sides."""

from typing import Any

import pytest

from headworks.contract.version import RULES, changes, reply_changes, request_changes, serves
from tests.unit.contracts import make_contract


def obj(required: str = "", closed: bool = True, **fields: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": fields, "required": required.split()}
    return {**schema, "additionalProperties": False} if closed else schema


def ref(name: str = "X", **definitions: Any) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}", "$defs": definitions}


def array(items: Any = True, **rest: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **rest}


INTEGER, NUMBER, TEXT, NULL, BOOLEAN = ({"type": kind} for kind in ("integer", "number", "string", "null", "boolean"))
CAT = obj("kind", kind={"const": "cat"}, lives=INTEGER)
DOG = obj("kind", kind={"const": "dog"}, barks=BOOLEAN)
COW = obj("kind", kind={"const": "cow"})
MAP = {"type": "object", "additionalProperties": INTEGER}
OPEN_MAP = {"type": "object", "additionalProperties": True}
TREE = {"type": "object", "properties": {"value": INTEGER, "children": array({"$ref": "#/$defs/X"})}}
BIG_TREE = {"type": "object", "properties": {"value": NUMBER, "children": array({"$ref": "#/$defs/X"})}}
BASE64 = {"type": "string", "contentEncoding": "base64"}

NARROW_AND_WIDE = [
    ("type", INTEGER, NUMBER),
    ("type", TEXT, {"type": ["string", "null"]}),
    ("type", TEXT, {"anyOf": [TEXT, NULL]}),
    ("type", array(TEXT), array()),
    ("type", TEXT, {}),
    ("type", False, TEXT),
    ("type", BOOLEAN, {"type": ["boolean", "integer"]}),
    ("values", {"enum": ["a"]}, {"enum": ["a", "b"]}),
    ("values", {"enum": ["a", "b"]}, TEXT),
    ("values", {"const": 1}, {"enum": [1, 2]}),
    ("values", {"const": 5}, {"type": "integer", "minimum": 5, "maximum": 5}),
    ("minimum", {"type": "number", "minimum": 1}, {"type": "number", "minimum": 0}),
    ("minimum", {"type": "number", "minimum": 1}, NUMBER),
    ("minimum", {"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0}),
    ("maximum", {"type": "number", "maximum": 9}, {"type": "number", "maximum": 9.5}),
    ("maximum", {"type": "number", "exclusiveMaximum": 9}, {"type": "number", "maximum": 9}),
    ("multipleOf", {"type": "integer", "multipleOf": 4}, {"type": "integer", "multipleOf": 2}),
    ("multipleOf", {"type": "number", "multipleOf": 0.5}, NUMBER),
    ("minLength", {"type": "string", "minLength": 1}, TEXT),
    ("maxLength", {"type": "string", "maxLength": 10}, {"type": "string", "maxLength": 11}),
    ("pattern", {"type": "string", "pattern": "^a"}, TEXT),
    ("format", {"type": "string", "format": "date"}, TEXT),
    ("encoding", {**BASE64, "contentMediaType": "image/png"}, {**BASE64, "contentMediaType": "image/*"}),
    ("minItems", array(minItems=2), array(minItems=1)),
    ("maxItems", array(maxItems=2), array()),
    ("type", {"type": "array", "prefixItems": [TEXT], "items": False}, array(TEXT, maxItems=2)),
    ("uniqueItems", array(uniqueItems=True), array()),
    ("minProperties", {**MAP, "minProperties": 1}, MAP),
    ("maxProperties", {**MAP, "maxProperties": 1}, MAP),
    ("required", obj("x y", x=TEXT, y=TEXT), obj("x", x=TEXT, y=TEXT)),
    ("type", obj(x=INTEGER), obj(x=NUMBER)),
    ("minimum", array({"type": "integer", "minimum": 3}), array(INTEGER)),
    ("type", {"type": "array", "prefixItems": [INTEGER, TEXT]}, {"type": "array", "prefixItems": [NUMBER, TEXT]}),
    ("type", {"type": "array", "prefixItems": [INTEGER], "items": False}, array(NUMBER)),
    ("type", MAP, {"type": "object", "additionalProperties": NUMBER}),
    ("type", MAP, OPEN_MAP),
    ("type", ref(X=INTEGER), ref(X=NUMBER)),
    ("type", ref(X=TREE), ref(X=BIG_TREE)),
    ("union", {"anyOf": [CAT, DOG]}, {"anyOf": [CAT, DOG, COW]}),
    ("union", {"oneOf": [CAT, DOG]}, {"oneOf": [CAT, DOG, COW]}),
    ("union", {"oneOf": [CAT, DOG]}, {"anyOf": [COW, DOG, CAT]}),
    ("minimum", {"allOf": [INTEGER, {"minimum": 3}]}, {"allOf": [INTEGER, {"minimum": 2}]}),
    ("minLength", {"$ref": "#/$defs/X", "minLength": 2, "$defs": {"X": TEXT}}, ref(X=TEXT)),
]


@pytest.mark.parametrize(("rule", "narrow", "wide"), NARROW_AND_WIDE)
def test_a_request_may_widen_and_a_reply_may_narrow_never_the_reverse(rule: str, narrow: Any, wide: Any) -> None:
    assert request_changes(narrow, wide) == []
    assert reply_changes(wide, narrow) == []
    assert {change.rule for change in request_changes(wide, narrow)} == {rule}
    assert {change.rule for change in reply_changes(narrow, wide)} == {rule}


@pytest.mark.parametrize(("rule", "narrow", "wide"), NARROW_AND_WIDE)
def test_the_same_holds_inside_fields_items_and_unions(rule: str, narrow: Any, wide: Any) -> None:
    def inside(schema: Any) -> dict[str, Any]:
        definitions = schema.get("$defs", {}) if isinstance(schema, dict) else {}
        field = {"anyOf": [array(schema), NULL]}
        return {**obj("a", a=field), "$defs": definitions}

    assert request_changes(inside(narrow), inside(wide)) == []
    assert reply_changes(inside(wide), inside(narrow)) == []
    assert all(change.pointer.startswith("/a") for change in request_changes(inside(wide), inside(narrow)))
    assert reply_changes(inside(narrow), inside(wide))


@pytest.mark.parametrize("schema", [pair for row in NARROW_AND_WIDE for pair in row[1:]])
def test_a_schema_that_did_not_change_breaks_nothing(schema: Any) -> None:
    noted = {**schema, "title": "T", "description": "D", "default": 1} if isinstance(schema, dict) else schema

    assert request_changes(schema, noted) == reply_changes(noted, schema) == []


def test_a_request_may_gain_an_optional_field_but_not_a_required_one() -> None:
    old = obj("x", x=TEXT)

    assert request_changes(old, obj("x", x=TEXT, y=TEXT)) == []
    (change,) = request_changes(old, obj("x y", x=TEXT, y=TEXT))
    assert (change.side, change.pointer, change.rule) == ("request", "/y", "required")


@pytest.mark.parametrize("closed", [True, False])
def test_a_request_may_not_lose_a_field_even_where_it_would_be_ignored(closed: bool) -> None:
    (change,) = request_changes(obj("x", closed, x=TEXT, y=TEXT), obj("x", closed, x=TEXT))

    assert (change.pointer, change.rule) == ("/y", "field-removed")


def test_a_closed_reply_may_not_gain_a_field_and_an_open_one_may() -> None:
    (change,) = reply_changes(obj("x", x=TEXT), obj("x", x=TEXT, y=TEXT))

    assert (change.side, change.pointer, change.rule) == ("reply", "/y", "field-added")
    assert reply_changes(obj("x", closed=False, x=TEXT), obj("x", closed=False, x=TEXT, y=TEXT)) == []


@pytest.mark.parametrize(("required", "rule"), [("x y", "required"), ("x", "field-removed")])
def test_a_reply_may_not_lose_a_field_required_or_not(required: str, rule: str) -> None:
    (change,) = reply_changes(obj(required, x=TEXT, y=TEXT), obj("x", x=TEXT))

    assert (change.pointer, change.rule) == ("/y", rule)


def test_what_a_schema_does_not_declare_it_does_not_promise_unless_it_says_so() -> None:
    unsaid, said = obj("x", closed=False, x=TEXT), {**obj("x", x=TEXT), "additionalProperties": True}

    assert request_changes(unsaid, obj("x", closed=False, x=TEXT, y=INTEGER)) == []
    assert [c.pointer for c in request_changes(said, {**said, "properties": {"x": TEXT, "y": INTEGER}})] == ["/y"]
    assert [c.pointer for c in request_changes(said, obj("x", x=TEXT))] == ["/*"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TEXT, BASE64),
        (BASE64, TEXT),
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^ab"}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "time"}),
        ({"not": TEXT}, {"not": INTEGER}),
        ({"oneOf": [NUMBER, INTEGER]}, {"oneOf": [NUMBER, {"type": "integer", "minimum": 0}]}),
        (array(contains=TEXT), array(contains=INTEGER)),
        (array(contains=TEXT), array(contains=TEXT, minContains=2)),
        ({**MAP, "propertyNames": {"maxLength": 3}}, {**MAP, "propertyNames": {"maxLength": 4}}),
        ({**MAP, "patternProperties": {"^a": TEXT}}, {**MAP, "patternProperties": {"^b": TEXT}}),
        ({"if": TEXT, "then": {"maxLength": 3}}, {"if": TEXT, "then": {"maxLength": 4}}),
        ({"unevaluatedProperties": False, **obj(x=TEXT)}, {"unevaluatedProperties": False, **obj(x=TEXT, y=TEXT)}),
        ({"not": {"$ref": "#/$defs/X"}, "$defs": {"X": TEXT}}, {"not": {"$ref": "#/$defs/X"}, "$defs": {"X": NULL}}),
        ({"$ref": "#anchor"}, {"$ref": "#other"}),
        ({"type": "number", "multipleOf": 0.3}, {"type": "number", "multipleOf": 0.1}),
    ],
)
def test_what_cannot_be_shown_to_be_safe_in_either_direction_is_refused_in_both(old: Any, new: Any) -> None:
    for one, other in ((old, new), (new, old)):
        assert request_changes(one, other) or request_changes(other, one)
        assert reply_changes(one, one) == request_changes(one, one) == []


def test_a_union_names_the_field_that_changed_in_its_member() -> None:
    fewer = {"anyOf": [obj("kind", kind={"const": "cat"}, lives={"type": "integer", "maximum": 9}), DOG]}

    (change,) = request_changes({"anyOf": [CAT, DOG]}, fewer)

    assert (change.pointer, change.rule) == ("/lives", "maximum")
    assert change.message == "upper bound: was none, is now 9"


def test_words_say_what_was_and_what_is_on_either_side() -> None:
    five, nine = {"type": "integer", "maximum": 5}, {"type": "integer", "maximum": 9}

    assert request_changes(nine, five)[0].message == "upper bound: was 9, is now 5"
    assert reply_changes(five, nine)[0].message == "upper bound: was 5, is now 9"


def test_batch_and_stream_are_part_of_the_contract() -> None:
    plain, batch, stream = make_contract(), make_contract(is_batch=True), make_contract(is_stream=True)

    assert changes(plain, batch) == changes(plain, plain) == []
    assert [change.rule for change in changes(batch, plain)] == ["batch"]
    assert [change.rule for change in changes(plain, stream)] == ["stream"]
    assert [change.rule for change in changes(stream, plain)] == ["stream"]


def test_a_recursive_schema_is_compared_to_its_end() -> None:
    assert request_changes(ref(X=TREE), ref(X=BIG_TREE)) == []
    assert request_changes(ref(X=BIG_TREE), ref(X=TREE))[0].pointer == "/value"
    circle = {"$ref": "#/$defs/X", "$defs": {"X": {"$ref": "#/$defs/X"}}}
    assert request_changes(circle, TEXT)


def test_a_model_serves_a_task_when_it_takes_every_request_and_gives_no_other_reply() -> None:
    task = (obj("inputs", inputs=TEXT, top_k=INTEGER), array(obj("label", label=TEXT, score=NUMBER)))
    good = (obj("inputs", inputs={}, top_k=NUMBER, more=TEXT), array(obj("label", label={"enum": ["a"]}), maxItems=1))
    bad = (obj("inputs", inputs={"type": "string", "maxLength": 5}), array(obj("", label=TEXT, extra=TEXT)))

    assert serves(task, good) == []
    problems = {(p.side, p.pointer, p.rule) for p in serves(task, bad)}
    assert problems == {
        ("request", "/inputs", "maxLength"),
        ("request", "/top_k", "field-removed"),
        ("reply", "/*/label", "required"),
        ("reply", "/*/extra", "field-added"),
    }
    assert "the model" in serves(task, bad)[0].message


def test_every_rule_is_documented() -> None:
    from pathlib import Path

    text = Path("docs/reference/compatibility.md").read_text()

    assert [rule for rule in RULES if f"`{rule}`" not in text] == []
