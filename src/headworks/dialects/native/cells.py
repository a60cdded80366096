"""Text into typed JSON values, by the schema: for CSV cells, form fields and query parameters.

A text that does not read as its field's type stays text: then the schema's own check names the field and the type.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any

import msgspec

from headworks.contract import json_text
from headworks.contract.schema import JsonObject, Schema, resolved
from headworks.errors import NotJson

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,4299})(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
_BOOLEANS = {"true": True, "false": False}

WHOLE = ("",)
"""The binary fields of an input that is bytes as a whole."""

Read = Callable[[str], Any]
Blobs = tuple[tuple[str, bytes], ...]


class Fields:
    """The fields of an object schema, each with what reads its text.

    `is_row` is false when the schema is not of an object, and so has no fields.
    """

    __slots__ = ("_reads", "_required", "is_row", "lists")

    def __init__(self, schema: JsonObject) -> None:
        whole = resolved(schema, schema)
        properties: Mapping[str, Any] = whole.get("properties", {})
        self.is_row = whole.get("type") == "object" or bool(properties)
        self._required = frozenset(whole.get("required", ()))
        self._reads = {name: _reader(resolved(field, schema), schema) for name, field in properties.items()}
        self.lists = frozenset(name for name, f in properties.items() if "array" in _types(resolved(f, schema), schema))

    def value(self, name: str, text: str) -> Any:
        """The typed value of one field's text; of an unknown field, the text."""
        read = self._reads.get(name)
        return read(text) if read else text

    def row(self, cells: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """One object out of named cells; an empty cell is a field not given, or null or "" where one is required."""
        return {name: self.value(name, text) for name, text in cells if text or name in self._required}

    def gathered(self, pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], str | None]:
        """One object out of named texts where list fields may come many times; and the first name that may not."""
        made: dict[str, Any] = {}
        for name, text in pairs:
            value = self.value(name, text)
            if name in self.lists:
                made.setdefault(name, []).extend(value if isinstance(value, list) else [value])
            elif name in made:
                return made, name
            else:
                made[name] = value
        return made, None


@lru_cache(maxsize=1024)
def fields_of(schema: Schema) -> Fields:
    """The fields of a published schema, read once."""
    return Fields(schema.json)


def _reader(field: JsonObject, root: JsonObject) -> Read:
    choices = field.get("enum") or ([field["const"]] if "const" in field else None)
    if choices:
        by_text = {_written(choice): choice for choice in choices}
        return lambda text: by_text.get(text, text)
    types = _types(field, root)
    items = _reader(_items(field, root), root) if "array" in types else None
    is_number = not types.isdisjoint(("number", "integer"))
    is_json = not types or not types.isdisjoint(("object", "array"))

    def read(text: str) -> Any:
        if not text:
            return None if "null" in types and "string" not in types else text
        if is_number and (number := _number(text)) is not None:
            return number
        if "boolean" in types and text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        return _json_or(text, items) if is_json else text

    return read


def _number(text: str) -> float | int | None:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    if not (found[1] or found[2]):
        return int(text)
    value = float(text)
    return value if isfinite(value) else None


def _items(field: JsonObject, root: JsonObject) -> JsonObject:
    for form in (field, *_forms(field, root)):
        if "items" in form:
            return resolved(form["items"], root)
    return {}


def _forms(field: JsonObject, root: JsonObject) -> list[JsonObject]:
    return [resolved(form, root) for form in field.get("anyOf") or field.get("oneOf") or ()]


def _types(field: JsonObject, root: JsonObject, depth: int = 4) -> frozenset[str]:
    """The types a field may have; empty when it does not say."""
    said = field.get("type")
    if isinstance(said, str):
        return frozenset((said,))
    if isinstance(said, list):
        return frozenset(said)
    if depth == 0:
        return frozenset()
    return frozenset(said for form in _forms(field, root) for said in _types(form, root, depth - 1))


def _json_or(text: str, item: Read | None) -> Any:
    if text[0] in "[{":
        try:
            return json_text.decode(text.encode())
        except (NotJson, UnicodeEncodeError):
            return text
    return [item(text)] if item else text


def _written(choice: Any) -> str:
    return choice if isinstance(choice, str) else msgspec.json.encode(choice).decode()
