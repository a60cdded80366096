"""Two schemas without unions, keyword by keyword: the inner of one type, the outer of any.

See within.py, which takes unions, references and enumerations apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil, floor, inf
from typing import Any, Protocol

from msgspec import Struct

from headworks.contract.schema import JsonObject, pointer_of

ANY_TYPE = ("null", "boolean", "number", "string", "array", "object")
UNRESOLVED = "$unresolved"


class Gap(Struct, frozen=True):
    """One way in which a document of the inner schema may be refused by the outer.

    Shapes: `pointer` into a document, `*` for any item or any field; `rule` names the rule in the documentation.
    """

    pointer: str
    rule: str
    inner: str
    outer: str


class Node(Struct, frozen=True, eq=False):
    """A schema and the document its references point into.

    `is_alone`: nothing else is demanded of the same value, so that its declared fields are all of its fields.
    """

    schema: Any
    root: JsonObject
    is_alone: bool = True


class Comparison(Protocol):
    """What compares the schemas of fields and items; see within.Within."""

    is_request: bool
    keeps_fields: bool

    def gaps(self, inner: Node, outer: Node, pointer: str = "") -> list[Gap]:
        """Why a document accepted by `inner` may be refused by `outer`."""


def plain_gaps(comparison: Comparison, inner: Node, outer: Node, pointer: str) -> list[Gap]:
    """Why a value of the inner schema's one type may be refused by the outer schema."""
    kind = inner.schema["type"]
    said = outer.schema.get("type", ANY_TYPE)
    allowed = (said,) if isinstance(said, str) else tuple(said)
    if kind not in allowed and not (kind == "integer" and "number" in allowed):
        return [Gap(pointer, "type", kind, " or ".join(allowed))]
    if "const" in outer.schema or "enum" in outer.schema:
        values = [outer.schema["const"]] if "const" in outer.schema else outer.schema["enum"]
        return [Gap(pointer, "values", f"any {kind}", ", ".join(str(value)[:40] for value in values[:10]))]
    compare, known = _BY_TYPE[kind]
    found = list(compare(comparison, inner, outer, pointer))
    others = sorted(outer.schema.keys() - known - _OF_OTHER_TYPES[kind])
    return found + [Gap(pointer, "not-comparable", "", word) for word in others if not _is_kept(word, inner, outer)]


def is_same(one: Any, inner: Node, other: Any, outer: Node) -> bool:
    """Whether two parts of two documents say the same, references included."""
    return bool(one == other) and (not _has_reference(one) or inner.root == outer.root)


def _is_kept(keyword: str, inner: Node, outer: Node) -> bool:
    """Whether a keyword that is not compared is the same on both sides, with all that gives it its meaning."""
    family = next((family for family in _TOGETHER if keyword in family), (keyword,))
    return not keyword.startswith("unevaluated") and all(
        is_same(inner.schema.get(word), inner, outer.schema.get(word), outer) for word in family
    )


def _has_reference(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "$ref" in value or any(_has_reference(inner) for inner in value.values())
    return isinstance(value, list) and any(_has_reference(inner) for inner in value)


def _numbers(_: Comparison, inner: Node, outer: Node, pointer: str) -> Iterator[Gap]:
    has, wants, is_integer = inner.schema, outer.schema, inner.schema["type"] == "integer"
    for sign, low, strict in ((1, "minimum", "exclusiveMinimum"), (-1, "maximum", "exclusiveMaximum")):
        have, want = _bound(has, sign, (low, strict), is_integer), _bound(wants, sign, (low, strict), is_integer)
        if have < want:
            yield Gap(pointer, low, _said(has, low, strict), _said(wants, low, strict))
    step = wants.get("multipleOf")
    own = has.get("multipleOf", 1 if is_integer else None)
    if step is not None and own != step and not (_are_whole(own, step) and own % step == 0):
        yield Gap(pointer, "multipleOf", str(has.get("multipleOf", "any")), str(step))


def _bound(schema: JsonObject, sign: int, keywords: tuple[str, str], is_integer: bool) -> tuple[float, bool]:
    """The effective bound as something that grows as it gets tighter; for maxima the sign is turned."""
    loose, strict = (schema.get(keyword) for keyword in keywords)
    bounds = []
    if loose is not None:
        bounds.append((ceil(sign * loose) if is_integer else sign * loose, False))
    if strict is not None:
        bounds.append((floor(sign * strict) + 1, False) if is_integer else (sign * strict, True))
    return max(bounds, default=(-inf, False))


def _said(schema: JsonObject, loose: str, strict: str) -> str:
    said = [f"{schema[k]}{' (exclusive)' if k == strict else ''}" for k in (loose, strict) if k in schema]
    return " and ".join(said) or "none"


def _are_whole(*steps: Any) -> bool:
    return all(isinstance(step, int) for step in steps)


def _strings(_: Comparison, inner: Node, outer: Node, pointer: str) -> Iterator[Gap]:
    has, wants = inner.schema, outer.schema
    yield from _sizes(inner, outer, pointer, ("minLength", "maxLength"))
    for keyword in ("pattern", "format"):
        if keyword in wants and has.get(keyword) != wants[keyword]:
            yield Gap(pointer, keyword, str(has.get(keyword, "any")), str(wants[keyword]))
    if has.get("contentEncoding") != wants.get("contentEncoding"):
        yield Gap(pointer, "encoding", has.get("contentEncoding", "text"), wants.get("contentEncoding", "text"))
    mine, theirs = str(has.get("contentMediaType", "any")), str(wants.get("contentMediaType", "any"))
    if theirs not in {"any", mine} and not (theirs.endswith("/*") and mine.startswith(theirs[:-1])):
        yield Gap(pointer, "encoding", mine, theirs)


def _sizes(inner: Node, outer: Node, pointer: str, keywords: tuple[str, str]) -> Iterator[Gap]:
    low, high = keywords
    if inner.schema.get(low, 0) < outer.schema.get(low, 0):
        yield Gap(pointer, low, str(inner.schema.get(low, 0)), str(outer.schema[low]))
    if inner.schema.get(high, inf) > outer.schema.get(high, inf):
        yield Gap(pointer, high, str(inner.schema.get(high, "none")), str(outer.schema[high]))


def _arrays(comparison: Comparison, inner: Node, outer: Node, pointer: str) -> Iterator[Gap]:
    has, wants = inner.schema, outer.schema
    mine, theirs = has.get("prefixItems", []), wants.get("prefixItems", [])
    rest, demanded = has.get("items", True), wants.get("items", True)
    positions = max(len(mine), len(theirs))
    most = has.get("maxItems", inf)
    if rest is False:
        most = min(most, len(mine))
    told = {**inner.schema, "maxItems": most} if most < inf else inner.schema
    yield from _sizes(Node(told, inner.root), outer, pointer, ("minItems", "maxItems"))
    for at in range(int(min(positions, most))):
        have = mine[at] if at < len(mine) else rest
        want = theirs[at] if at < len(theirs) else demanded
        yield from comparison.gaps(_below(inner, have), _below(outer, want), f"{pointer}/{at}")
    if most > positions:
        yield from comparison.gaps(_below(inner, rest), _below(outer, demanded), f"{pointer}/*")
    if wants.get("uniqueItems") and not has.get("uniqueItems") and most > 1:
        yield Gap(pointer, "uniqueItems", "may repeat", "may not repeat")


def _objects(comparison: Comparison, inner: Node, outer: Node, pointer: str) -> Iterator[Gap]:
    has, wants = inner.schema, outer.schema
    mine, theirs = has.get("properties", {}), wants.get("properties", {})
    if wants.get("patternProperties") and not is_same(has, inner, wants, outer):
        yield Gap(pointer, "not-comparable", "", "patternProperties")
    is_closed = bool(mine) and inner.is_alone
    rest = True if has.get("patternProperties") else has.get("additionalProperties", not is_closed)
    for name in wants.get("required", ()):
        if name not in has.get("required", ()):
            yield Gap(pointer_of((name,), pointer), "required", "optional" if name in mine else "not there", "required")
    for name, field in mine.items():
        yield from _field(comparison, inner, outer, (name, field, pointer_of((name,), pointer)))
    for name, field in theirs.items():
        at = pointer_of((name,), pointer)
        if name in mine:
            continue
        yield from comparison.gaps(_below(inner, rest), _below(outer, field), at)
        if comparison.keeps_fields and not comparison.is_request and name not in wants.get("required", ()):
            yield Gap(at, "field-removed", "not there", "optional")
    yield from comparison.gaps(
        _below(inner, rest), _below(outer, wants.get("additionalProperties", True)), f"{pointer}/*"
    )
    yield from _sizes(inner, outer, pointer, ("minProperties", "maxProperties"))


def _field(comparison: Comparison, inner: Node, outer: Node, field: tuple[str, Any, str]) -> Iterator[Gap]:
    """One declared field of the inner object."""
    name, schema, at = field
    wants = outer.schema
    if name in wants.get("properties", {}):
        yield from comparison.gaps(_below(inner, schema), _below(outer, wants["properties"][name]), at)
        return
    rest = wants.get("additionalProperties")
    rule = "field-removed" if comparison.is_request else "field-added"
    if rest is False:
        if schema is not False:
            yield Gap(at, rule, "declared", "not allowed")
    elif rest is None:
        if comparison.keeps_fields and comparison.is_request:
            yield Gap(at, rule, "declared", "ignored")
    else:
        yield from comparison.gaps(_below(inner, schema), _below(outer, rest), at)


def _below(parent: Node, schema: Any) -> Node:
    return Node(schema, parent.root, parent.is_alone)


Compare = Callable[[Comparison, Node, Node, str], Iterator[Gap]]

_NUMBER = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_STRING = frozenset({"minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"})
_ARRAY = frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"})
_OBJECT = frozenset(
    {"properties", "patternProperties", "additionalProperties", "required", "minProperties", "maxProperties"}
)
_ARRAY_ALSO = frozenset({"contains", "minContains", "maxContains", "unevaluatedItems"})
_OBJECT_ALSO = frozenset({"propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties"})
_TYPE = frozenset({"type"})

_BY_TYPE: dict[str, tuple[Compare, frozenset[str]]] = {
    "number": (_numbers, _NUMBER | _TYPE),
    "integer": (_numbers, _NUMBER | _TYPE),
    "string": (_strings, _STRING | _TYPE),
    "array": (_arrays, _ARRAY | _TYPE),
    "object": (_objects, _OBJECT | _TYPE),
}
"""What compares each type, and the keywords it knows."""

_ALL = _NUMBER | _STRING | _ARRAY | _ARRAY_ALSO | _OBJECT | _OBJECT_ALSO
_OF_OTHER_TYPES = {
    "number": _ALL - _NUMBER,
    "integer": _ALL - _NUMBER,
    "string": _ALL - _STRING,
    "array": _ALL - _ARRAY - _ARRAY_ALSO,
    "object": _ALL - _OBJECT - _OBJECT_ALSO,
}
"""Keywords that say nothing about a value of the type; `format` speaks of texts only here."""

_TOGETHER = (("if", "then", "else"), ("contains", "minContains", "maxContains"))
"""Keywords that only mean something together."""
