"""One row of a task as the body of an inference request."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from msgspec.json import Decoder, Encoder

from headworks.contract.tensors.signature import TensorSpec
from headworks.contract.tensors.tensor import BOOL, BYTES, FP64, INT64, Tensor, flat, shape_of, to_raw
from headworks.errors import FieldError, ProviderRefused
from headworks.targets.providers.oip.settings import Options
from headworks.targets.providers.wire import Ask

JSON_LENGTH = "inference-header-content-length"
_TYPES: Mapping[type, str] = {bool: BOOL, int: INT64, float: FP64, str: BYTES}
_row = Decoder(dict[str, Any]).decode
encode = Encoder().encode


def tensors_of(ask: Ask, specs: tuple[TensorSpec, ...], options: Options) -> list[Tensor]:
    """The tensors of a row: of fields that the task names by its own types, of a row's own columns by their values.

    Raises: ProviderRefused, naming a field that makes no tensor.
    """
    row = _row(ask.document) if ask.document else {}
    known = {spec.name: spec for spec in specs}
    found = [
        _tensor(options.inputs.get(name, name), value, known.get(name), options)
        for name, value in row.items()
        if value is not None
    ]
    for name, blob in ask.blobs:
        field = name or next(iter(known), "input")
        shape = (1, 1) if options.is_batched else (1,)
        found.append(Tensor(options.inputs.get(field, field), BYTES, shape, [blob]))
    return found


def body_of(tensors: list[Tensor], options: Options) -> tuple[bytes, int]:
    """The body, and how long its JSON is where raw bytes follow it; 0 where none do."""
    inputs, tail = [], b""
    for tensor in tensors:
        head: dict[str, Any] = {"name": tensor.name, "shape": list(tensor.shape), "datatype": tensor.datatype}
        if options.is_raw or any(isinstance(value, bytes) for value in tensor.values):
            raw = to_raw(tensor)
            tail += raw
            inputs.append({**head, "parameters": {"binary_data_size": len(raw)}})
        else:
            inputs.append({**head, "data": list(tensor.values)})
    parameters = {"parameters": {"binary_data_output": True}} if options.is_raw else {}
    text = encode({"inputs": inputs, **parameters})
    return text + tail, len(text) if tail else 0


def _tensor(name: str, value: Any, spec: TensorSpec | None, options: Options) -> Tensor:
    lead = (1,) if options.is_batched else ()
    if spec is not None and spec.form == "json":
        return Tensor(name, BYTES, (*lead, 1), [encode(value).decode()])
    if spec is not None and spec.form == "bytes":
        return Tensor(name, BYTES, (*lead, 1), [b64decode(value)])
    depth = _depth(value)
    try:
        values = flat(value, depth) if depth else [value]
        datatype = spec.datatype if spec is not None else _datatype(values)
        return Tensor(name, datatype, (*lead, *(shape_of(value, depth) if depth else (1,))), values)
    except (KeyError, ValueError, TypeError):
        wish = "must be a number, a text, a boolean or an even array of them for this server"
        raise ProviderRefused(errors=(FieldError(f"/{name}", wish),)) from None


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list) and value:
        value, depth = value[0], depth + 1
    return depth


def _datatype(values: list[Any]) -> str:
    types = {_TYPES[type(value)] for value in values}
    if types == {INT64, FP64}:
        return FP64
    (datatype,) = types
    return datatype
