"""A contract as tensors: one for each field of an object, one for any other input or output.

Numbers, texts and arrays of them are tensors as they are. Bytes are BYTES. Anything else (an object, a list of labels) is
one BYTES element of JSON text, so that every endpoint can be asked.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from headworks.contract.schema import Contract, JsonObject, Schema, binary_fields, resolved
from headworks.contract.tensors.tensor import BOOL, BYTES, FP64, INT64

ANY = -1
WHOLE_INPUT, WHOLE_OUTPUT = "input", "output"
MOST_DEPTH = 16

_HALF, _SINGLE = 65_504.0, 3.5e38
_INTEGERS = {
    (0, 2**8 - 1): "UINT8", (0, 2**16 - 1): "UINT16", (0, 2**32 - 1): "UINT32", (0, 2**64 - 1): "UINT64",
    (-(2**7), 2**7 - 1): "INT8", (-(2**15), 2**15 - 1): "INT16", (-(2**31), 2**31 - 1): "INT32",
}  # fmt: skip
"""Integer types by the bounds in a schema; any other bound is INT64."""


class TensorSpec(Struct, frozen=True):
    """One tensor of a row: name, datatype and shape, without the dimension that counts rows.

    `form` is `numbers` (booleans too), `text`, `bytes` or `json`; a scalar has shape (1,) and is no list in the document.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    form: str
    is_scalar: bool
    is_required: bool = True


class Signature(Struct, frozen=True):
    """The tensors of an endpoint; `has_named_*` says whether they are the fields of an object or the one whole value."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    has_named_inputs: bool
    has_named_outputs: bool
    is_batch: bool

    def shape_of(self, spec: TensorSpec) -> tuple[int, ...]:
        """The published shape, with the dimension of rows where there is one."""
        return (ANY, *spec.shape) if self.is_batch else spec.shape


def signature_from(request: JsonObject, reply: JsonObject, *, is_batch: bool) -> Signature:
    """The tensors of these schemas of one row."""
    inputs, is_named = _specs(request, WHOLE_INPUT, frozenset(binary_fields(request)))
    outputs, has_named = _specs(reply, WHOLE_OUTPUT, frozenset())
    return Signature(inputs, outputs, is_named, has_named, is_batch)


@lru_cache(maxsize=1024)
def _signature(request: Schema, reply: Schema, is_batch: bool) -> Signature:
    return signature_from(request.json, reply.json, is_batch=is_batch)


def signature_of(contract: Contract) -> Signature:
    """The tensors of a contract."""
    return _signature(contract.request, contract.reply, contract.is_batch)


def _specs(root: JsonObject, whole: str, binary: frozenset[str]) -> tuple[tuple[TensorSpec, ...], bool]:
    schema = resolved(root, root)
    fields = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(fields, Mapping) or not fields:
        return (_spec(whole, schema, root, is_bytes="" in binary),), False
    required = set(schema.get("required", ()))
    return tuple(
        _spec(name, field, root, is_bytes=name in binary, is_required=name in required)
        for name, field in fields.items()
    ), True


def _spec(name: str, field: Any, root: JsonObject, *, is_bytes: bool, is_required: bool = True) -> TensorSpec:
    shape: list[int] = []
    schema = _without_null(resolved(field, root), root)
    while schema.get("type") == "array" and isinstance(schema.get("items"), Mapping) and len(shape) < MOST_DEPTH:
        least, most = schema.get("minItems"), schema.get("maxItems")
        shape.append(most if most is not None and least == most else ANY)
        schema = resolved(schema["items"], root)
    if is_bytes:
        return TensorSpec(name, BYTES, (1,), "bytes", is_scalar=True, is_required=is_required)
    datatype = _datatype(schema)
    if datatype is None:
        return TensorSpec(name, BYTES, (1,), "json", is_scalar=True, is_required=is_required)
    form = "text" if datatype == BYTES else "numbers"
    return TensorSpec(name, datatype, tuple(shape) or (1,), form, is_scalar=not shape, is_required=is_required)


def _without_null(schema: JsonObject, root: JsonObject) -> JsonObject:
    """The one schema of `X | null`; any other choice as it is."""
    choices = [resolved(each, root) for each in schema.get("anyOf", ())]
    others = [each for each in choices if each.get("type") != "null"]
    return others[0] if len(others) == 1 and len(choices) == len(others) + 1 else schema


def _datatype(schema: JsonObject) -> str | None:
    kind = schema.get("type")
    if kind == "boolean":
        return BOOL
    if kind == "string":
        return BYTES
    if kind == "integer":
        return _INTEGERS.get((schema.get("minimum"), schema.get("maximum")), INT64)  # type: ignore[arg-type]  # a key may be absent
    if kind != "number":
        return None
    most = schema.get("maximum")
    if not isinstance(most, int | float) or most != -schema.get("minimum", 0):
        return FP64
    return "FP16" if most == _HALF else "FP32" if _HALF < most <= _SINGLE and most > 3.4e38 else FP64
