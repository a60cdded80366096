"""What is called compatible is: held against documents, and against another implementation of containment."""

import copy
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.contract.schema import Schema
from headworks.contract.version import reply_changes, request_changes, serves

DEFINITIONS = {
    "Leaf": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    "Tree": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        "additionalProperties": False,
    },
}
NAMES = st.sampled_from(["a", "b", "c"])
SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, 2.5, -3, 4, "", "a", "b", "abc", "2020-01-01"]
)
SMALL = st.integers(0, 3)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def typed(kind: str, rest: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return rest.map(lambda keywords: {"type": kind, **keywords})


BOUNDS = {"minimum": SMALL, "maximum": SMALL, "exclusiveMinimum": SMALL, "exclusiveMaximum": SMALL}
LEAVES = st.one_of(
    st.just(True),
    st.just({}),
    st.sampled_from(["null", "boolean", "string", "number", "integer"]).map(lambda kind: {"type": kind}),
    st.lists(st.sampled_from(["null", "string", "number", "integer", "object"]), min_size=1, unique=True).map(
        lambda kinds: {"type": kinds}
    ),
    typed("number", optional(**BOUNDS, multipleOf=st.sampled_from([1, 2, 0.5]))),
    typed("integer", optional(**BOUNDS, multipleOf=st.sampled_from([1, 2, 4]))),
    typed(
        "string",
        optional(minLength=SMALL, maxLength=SMALL, pattern=st.sampled_from(["^a", "b$"]), format=st.just("date")),
    ),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    SCALARS.map(lambda value: {"const": value}),
    st.sampled_from(["Leaf", "Tree"]).map(lambda name: {"$ref": f"#/$defs/{name}"}),
)


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        typed(
            "object",
            optional(
                properties=st.dictionaries(NAMES, inner, max_size=3),
                required=st.lists(NAMES, unique=True, max_size=2),
                additionalProperties=st.booleans() | inner,
                minProperties=SMALL,
                maxProperties=SMALL,
                patternProperties=st.dictionaries(st.just("^c"), inner, max_size=1),
                dependentRequired=st.just({"a": ["b"]}),
            ),
        ),
        typed(
            "array",
            optional(
                items=inner,
                prefixItems=st.lists(inner, min_size=1, max_size=2),
                minItems=SMALL,
                maxItems=SMALL,
                uniqueItems=st.booleans(),
                contains=inner,
            ),
        ),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"properties": st.dictionaries(NAMES, inner, max_size=2)}),
    )


SCHEMAS = st.recursive(LEAVES, larger, max_leaves=6)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two schemas; mostly the second is the first with one place changed, so that many are close."""
    old = draw(SCHEMAS)
    new = draw(SCHEMAS) if draw(st.integers(0, 3)) == 0 else changed(draw, copy.deepcopy(old))
    definitions = copy.deepcopy(DEFINITIONS)
    if draw(st.booleans()):
        definitions["Leaf"]["properties"]["a"] = draw(LEAVES)  # type: ignore[index]
    return {"$defs": DEFINITIONS, "allOf": [old]}, {"$defs": definitions, "allOf": [new]}


def changed(draw: st.DrawFn, schema: Any) -> Any:
    if not isinstance(schema, dict) or not schema or draw(st.integers(0, 3)) == 0:
        return draw(LEAVES)
    keyword = draw(st.sampled_from(sorted(schema)))
    value = schema[keyword]
    if keyword in {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"}:
        return {**schema, keyword: draw(SMALL)}
    if keyword in {"items", "additionalProperties", "contains", "not"}:
        return {**schema, keyword: changed(draw, value)}
    if keyword in {"properties", "patternProperties"} and value:
        name = draw(st.sampled_from(sorted(value)))
        return {**schema, keyword: {**value, name: changed(draw, value[name])}}
    if keyword in {"anyOf", "oneOf", "prefixItems", "allOf"}:
        at = draw(st.integers(0, len(value) - 1))
        return {**schema, keyword: [changed(draw, item) if i == at else item for i, item in enumerate(value)]}
    return {key: value for key, value in schema.items() if key != keyword}


DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)


def closed(schema: Any) -> Any:
    """The schema read as `within` reads an inner one, where that is easy to say: declared fields only."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {
        key: {name: closed(field) for name, field in value.items()}
        if key in {"properties", "patternProperties", "$defs"}
        else closed(value)
        if key in {"items", "additionalProperties", "anyOf", "oneOf", "prefixItems"}
        else value
        for key, value in schema.items()
    }
    is_alone = not out.keys() & {"allOf", "anyOf", "oneOf", "$ref", "patternProperties"}
    if out.get("properties") and is_alone:
        out.setdefault("additionalProperties", False)
    return out


def root(schema: dict[str, Any]) -> dict[str, Any]:
    (member,) = schema["allOf"]
    return {**member, "$defs": schema["$defs"]} if isinstance(member, dict) else schema


@settings(max_examples=100, deadline=None)
@given(pairs(), st.lists(DOCUMENTS, min_size=4, max_size=8))
def test_every_request_valid_before_a_compatible_change_is_valid_after(pair: Any, documents: list[Any]) -> None:
    old, new = map(root, pair)
    before, declared, after = Schema(old), Schema(closed(old)), Schema(new)

    if not request_changes(old, new):
        promised = [d for d in documents if before.is_valid(d) and declared.is_valid(d)]
        assert [d for d in promised if not after.is_valid(d)] == []


@settings(max_examples=100, deadline=None)
@given(pairs(), st.lists(DOCUMENTS, min_size=4, max_size=8))
def test_every_reply_valid_after_a_compatible_change_was_valid_before(pair: Any, documents: list[Any]) -> None:
    old, new = map(root, pair)
    before, after, declared = Schema(old), Schema(new), Schema(closed(new))

    if not reply_changes(old, new):
        given_now = [d for d in documents if after.is_valid(d) and declared.is_valid(d)]
        assert [d for d in given_now if not before.is_valid(d)] == []


@settings(max_examples=100, deadline=None)
@given(pairs())
def test_another_implementation_of_containment_never_disagrees(pair: Any) -> None:
    inner, outer = map(root, pair)
    try:
        promised = jsonschema_rs.canonicalize(closed(inner)).intersect(jsonschema_rs.canonicalize(inner))
        verdict = jsonschema_rs.canonicalize(outer).covers(promised)
    except jsonschema_rs.canonical.CanonicalizationError:
        verdict = jsonschema_rs.canonical.Containment.UNKNOWN

    if verdict == jsonschema_rs.canonical.Containment.NO:
        assert serves((inner, {}), (outer, {})) != []
    if not request_changes(inner, outer):
        assert serves((inner, {}), (outer, {})) == []


@given(SCHEMAS)
def test_a_schema_is_compatible_with_itself(schema: Any) -> None:
    whole = root({"$defs": DEFINITIONS, "allOf": [schema]})

    assert request_changes(whole, copy.deepcopy(whole)) == []
