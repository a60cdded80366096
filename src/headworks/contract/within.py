"""Whether every document that one JSON Schema accepts is accepted by another, and if not, why.

The answer errs to one side: no gap is proof, a gap may be a comparison that is not made here. An inner object with
declared fields that does not speak of `additionalProperties` is read as holding those fields only: what is not
declared is not promised. Keywords that are only notes (`title`, `default`, `examples` ...) are not compared.
"""

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from headworks.contract.plain import ANY_TYPE, UNRESOLVED, Gap, Node, is_same, plain_gaps
from headworks.contract.schema import JsonObject, Schema, at_pointer
from headworks.errors import ConfigurationRefused

NOTES = frozenset({"$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "title", "description", "default"})
NOTES |= {"examples", "deprecated", "readOnly", "writeOnly", "discriminator", "contentSchema"}
GROUPS = ("anyOf", "oneOf")
MOST_DEPTH = 40


class Within:
    """One comparison of two documents.

    `keeps_fields`: a declared field may not vanish, even where the schemas alone would allow it. `is_request`: the
    inner schema is the published one and the outer one is new; in a reply it is the other way round.
    """

    def __init__(self, *, is_request: bool, keeps_fields: bool) -> None:
        self.is_request = is_request
        self.keeps_fields = keeps_fields
        self._under_way: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._compiled: dict[int, tuple[Any, Schema | None]] = {}

    def gaps(self, inner: Node, outer: Node, pointer: str = "") -> list[Gap]:
        """Why a document accepted by `inner` may be refused by `outer`; empty when none is."""
        key = (id(inner.schema), id(outer.schema))
        if key in self._under_way or is_same(inner.schema, inner, outer.schema, outer):
            return []
        if len(self._under_way) > MOST_DEPTH:
            return [Gap(pointer, "not-comparable", "", "schemas nested too deeply")]
        self._under_way[key] = (inner.schema, outer.schema)
        try:
            return self._gaps(inner, outer, pointer)
        finally:
            del self._under_way[key]

    def _gaps(self, inner: Node, outer: Node, pointer: str) -> list[Gap]:
        have = list(_conjuncts(inner)) or [Node({}, inner.root, inner.is_alone)]
        if any(part.schema is False for part in have):
            return []
        if len(have) > 1:
            have = [Node(part.schema, part.root, is_alone=False) for part in have]
        found: list[Gap] = []
        for demand in _conjuncts(outer):
            tries = [self._one(part, demand, pointer) for part in have]
            fewest: list[Gap] = min(tries, key=len)
            found += fewest
        return found

    def _one(self, inner: Node, outer: Node, pointer: str) -> list[Gap]:
        """One part of the inner schema against one demand of the outer."""
        if outer.schema is False:
            return [Gap(pointer, "type", _words(inner.schema), "nothing")]
        if "oneOf" in outer.schema and not _is_disjoint(outer):
            is_kept = is_same(inner.schema, inner, outer.schema, outer)
            return [] if is_kept else [Gap(pointer, "not-comparable", "", "oneOf with overlapping forms")]
        found: list[Gap] = []
        refused: list[Any] = []
        options = _options(outer)
        for form in _forms(inner):
            if "const" in form.schema:
                if not self._accepts(outer, form.schema["const"]):
                    refused.append(form.schema["const"])
            elif options:
                found += self._best(form, options, pointer)
            elif isinstance(form.schema.get("type"), str):
                found += plain_gaps(self, form, outer, pointer)
            else:
                found += self.gaps(form, outer, pointer)
        if refused:
            kinds = {"null" if value is None else "boolean" if isinstance(value, bool) else "" for value in refused}
            told = ", ".join(_words({"const": value}) for value in refused[:10])
            found += (
                [Gap(pointer, "values", told, _words(outer.schema))]
                if "" in kinds
                else [Gap(pointer, "type", kind, _words(outer.schema)) for kind in sorted(kinds)]
            )
        return _types_together(found, pointer, outer)

    def _best(self, form: Node, options: list[Node], pointer: str) -> list[Gap]:
        """No gaps when one option takes the whole form; else those of the only option of its type."""
        near = []
        for option in options:
            gaps = self.gaps(form, option, pointer)
            if not gaps:
                return []
            if not any(_is_another_kind(gap, pointer) for gap in gaps):
                near.append(gaps)
        if len(near) == 1:
            return near[0]
        told = " or ".join(_words(option.schema) for option in options[:10])
        return [Gap(pointer, "union", _words(form.schema), told)]

    def _accepts(self, outer: Node, value: Any) -> bool:
        """Whether one value is accepted, asked of the validator itself."""
        made = self._compiled.get(id(outer.schema))
        if made is None:
            try:
                schema = Schema({"allOf": [outer.schema], "$defs": outer.root.get("$defs", {})})
            except ConfigurationRefused:
                schema = None
            made = self._compiled[id(outer.schema)] = (outer.schema, schema)
        return made[1] is not None and made[1].is_valid(value)


def _conjuncts(node: Node, depth: int = 0) -> Iterator[Node]:
    """What must all hold: what `$ref` names, each member of `allOf`, each union, and the schema's own keywords."""
    schema, root = node.schema, node.root
    if isinstance(schema, bool):
        if not schema:
            yield Node(False, root)
        return
    if depth > MOST_DEPTH:
        yield Node({UNRESOLVED: "references in a circle"}, root)
        return
    if "$ref" in schema:
        yield from _conjuncts(Node(_target(schema["$ref"], root), root, node.is_alone), depth + 1)
    for member in schema.get("allOf", ()):
        yield from _conjuncts(Node(member, root, node.is_alone), depth + 1)
    for group in GROUPS:
        if group in schema:
            yield Node({group: schema[group]}, root, node.is_alone)
    own = {key: value for key, value in schema.items() if key not in NOTES and key not in {"$ref", "allOf", *GROUPS}}
    if own:
        yield Node(own, root, node.is_alone)


def _target(reference: str, root: JsonObject) -> Any:
    target = at_pointer(root, reference[1:]) if reference == "#" or reference.startswith("#/") else None
    return {UNRESOLVED: reference} if target is None else target


def _forms(node: Node, depth: int = 0) -> Iterator[Node]:
    """The alternatives of one part: members of a union, single values, single types."""
    schema = node.schema
    members = schema.get("anyOf", schema.get("oneOf"))
    if members is not None:
        for member in members:
            parts = list(_conjuncts(Node(member, node.root))) or [Node({}, node.root)]
            if len(parts) == 1 and isinstance(parts[0].schema, dict) and depth < MOST_DEPTH:
                yield from _forms(Node(parts[0].schema, node.root, node.is_alone), depth + 1)
            elif not any(part.schema is False for part in parts):
                yield Node(member, node.root, node.is_alone)
        return
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if values is not None:
        yield from (Node({"const": value}, node.root) for value in values)
        return
    said = schema.get("type", ANY_TYPE)
    for kind in (said,) if isinstance(said, str) else said:
        if kind == "null":
            yield Node({"const": None}, node.root)
        elif kind == "boolean":
            yield from (Node({"const": value}, node.root) for value in (True, False))
        else:
            yield Node({**schema, "type": kind}, node.root, node.is_alone)


def _options(outer: Node) -> list[Node]:
    members = outer.schema.get("anyOf", outer.schema.get("oneOf", ()))
    return [Node(member, outer.root) for member in members]


def _is_another_kind(gap: Gap, pointer: str) -> bool:
    """Whether the gap says that the option is meant for something else: another type, or another tag."""
    is_tag = gap.rule == "values" and gap.pointer.rpartition("/")[0] == pointer
    return is_tag or (gap.pointer == pointer and gap.rule in {"type", "values"})


def _types_together(gaps: list[Gap], pointer: str, outer: Node) -> list[Gap]:
    """One gap for all the types that are refused at one place."""
    refused = [gap.inner for gap in gaps if gap.rule == "type" and gap.pointer == pointer]
    if len(refused) < 2:
        return gaps
    told = "anything" if len(refused) >= len(ANY_TYPE) - 1 else " or ".join(refused)
    others = [gap for gap in gaps if gap.rule != "type" or gap.pointer != pointer]
    return [Gap(pointer, "type", told, _words(outer.schema)), *others]


class _Shape(Struct, frozen=True):
    """What tells a form from others: its types, and the values its required fields are fixed to."""

    types: frozenset[str]
    tags: tuple[tuple[str, frozenset[str]], ...]


def _is_disjoint(outer: Node) -> bool:
    """Whether no document can match two members of a `oneOf`: by type, or by a required field of fixed value."""
    shapes = [_shape(option) for option in _options(outer)]
    for at, one in enumerate(shapes):
        for other in shapes[at + 1 :]:
            if one is None or other is None or not _are_apart(one, other):
                return False
    return True


def _shape(option: Node) -> _Shape | None:
    parts = list(_conjuncts(option))
    if len(parts) != 1 or isinstance(parts[0].schema, bool):
        return None
    schema = parts[0].schema
    said = schema.get("type", ANY_TYPE)
    types = frozenset((said,) if isinstance(said, str) else said)
    tags = []
    for name, field in schema.get("properties", {}).items():
        inner = [part.schema for part in _conjuncts(Node(field, option.root))]
        values = next((v for s in inner if (v := s.get("enum", [s["const"]] if "const" in s else None))), None)
        if values and name in schema.get("required", ()):
            tags.append((name, frozenset(json.dumps(value, sort_keys=True) for value in values)))
    return _Shape(types | {"number"} if "integer" in types else types, tuple(tags))


def _are_apart(one: _Shape, other: _Shape) -> bool:
    shared = one.types & other.types
    if not shared:
        return True
    others = dict(other.tags)
    return shared == {"object"} and any(name in others and not (values & others[name]) for name, values in one.tags)


def _words(schema: Any) -> str:
    """A schema in a few words, for messages."""
    if not isinstance(schema, dict):
        return "anything" if schema else "nothing"
    if "const" in schema:
        return json.dumps(schema["const"])[:60]
    if "enum" in schema:
        return "one of " + ", ".join(json.dumps(value)[:40] for value in schema["enum"][:10])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for group in ("anyOf", "oneOf"):
        if group in schema:
            return " or ".join(_words(member) for member in schema[group][:10])
    said = schema.get("type", "anything")
    return said if isinstance(said, str) else " or ".join(said)
