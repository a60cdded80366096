"""The JSON Schema of a declared type, made strict: no unknown fields, nothing but what the type names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headworks.contract.image import IMAGE_SCHEMA, is_image
from headworks.errors import ConfigurationRefused

_FIX = (
    "Use a msgspec.Struct, dataclass, TypedDict or builtin type, headworks.Image for a picture, or declare the whole "
    "parameter as one pydantic model."
)
_MAPS = ("properties", "patternProperties", "$defs")
_LISTS = ("prefixItems", "anyOf", "oneOf", "allOf")
_SINGLE = ("items", "additionalProperties", "propertyNames", "not", "contains")


def declared_schema(
    declared: Any, custom: Callable[[type], Mapping[str, Any]] | None = None, *, keeps_open: bool = False
) -> dict[str, Any]:
    """The strict JSON Schema (2020-12) of a msgspec, dataclass, TypedDict or builtin type, one document on its own.

    `custom` describes the types msgspec does not know; without it only pictures are described. With `keeps_open` only
    the Structs that forbid unknown fields are closed.

    Raises: ConfigurationRefused, naming the type that has no schema.
    """
    describe = custom or image_schema
    try:
        return closed(msgspec.json.schema(declared, schema_hook=lambda kind: dict(describe(kind))), keeps_open)
    except TypeError as error:
        raise ConfigurationRefused(f"The type {_name(declared)} cannot be published: {error}. {_FIX}") from error


def image_schema(kind: type) -> Mapping[str, Any]:
    """The schema of a picture type.

    Raises: ConfigurationRefused for any other type.
    """
    if isinstance(kind, type) and is_image(kind):
        return IMAGE_SCHEMA
    raise ConfigurationRefused(f"The type {_name(kind)} has no JSON form. {_FIX}")


def closed(schema: Mapping[str, Any], keeps_open: bool = False) -> dict[str, Any]:
    """The same schema with its root written out and every described object and tuple closed to more.

    An object that says `additionalProperties` itself keeps what it says; with `keeps_open` the others say that they are open.
    """
    root: dict[str, Any] = _strict(schema, keeps_open)
    reference = str(root.get("$ref", ""))
    if not reference.startswith("#/$defs/"):
        return root
    name = reference.removeprefix("#/$defs/")
    definitions: dict[str, Any] = root["$defs"]
    written_out = {**definitions[name], **{key: value for key, value in root.items() if key not in ("$ref", "$defs")}}
    others = {other: value for other, value in definitions.items() if other != name}
    if _mentions(written_out, reference) or _mentions(others, reference):
        others = definitions
    return {**written_out, "$defs": others} if others else written_out


def _strict(schema: Any, is_open: bool) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    out: dict[str, Any] = dict(schema)
    for key in _MAPS:
        if key in out:
            out[key] = {name: _strict(inner, is_open) for name, inner in out[key].items()}
    for key in _LISTS:
        if key in out:
            out[key] = [_strict(inner, is_open) for inner in out[key]]
    for key in _SINGLE:
        if key in out:
            out[key] = _strict(out[key], is_open)
    if "properties" in out:
        out.setdefault("additionalProperties", is_open)
    if "prefixItems" in out:
        out.setdefault("items", False)
    return out


def _mentions(schema: Any, reference: str) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("$ref") == reference or any(_mentions(inner, reference) for inner in schema.values())
    return isinstance(schema, list) and any(_mentions(inner, reference) for inner in schema)


def _name(declared: Any) -> str:
    return getattr(declared, "__qualname__", None) or str(declared)
