"""An input that means nothing, made from a schema: it makes a model without examples run once before its first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

JsonSchema = Mapping[str, Any]

MOST_ITEMS = 1_000_000


def neutral(schema: JsonSchema) -> Any:
    """The plainest document a schema of numbers, texts, arrays and objects lets through; None where it is beyond that.

    Shapes: an array of open length has one item.
    """
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return neutral(schema["anyOf"][0])
    make = _BY_TYPE.get(str(schema.get("type")))
    return None if make is None else make(schema)


def _number(schema: JsonSchema) -> Any:
    return max(0, schema.get("minimum", 0))


def _array(schema: JsonSchema) -> Any:
    length = schema.get("minItems", 1)
    return [neutral(schema["items"])] * min(length, MOST_ITEMS) if isinstance(schema.get("items"), Mapping) else []


def _object(schema: JsonSchema) -> Any:
    fields = schema.get("properties", {})
    return {name: neutral(fields[name]) for name in schema.get("required", ())}


_BY_TYPE: Mapping[str, Callable[[JsonSchema], Any]] = {
    "number": _number,
    "integer": _number,
    "string": lambda _: "",
    "boolean": lambda _: False,
    "array": _array,
    "object": _object,
}
