"""An inference request into rows of the endpoint's own JSON: tensors read from the JSON, or from the raw bytes behind it.

Source: Open Inference Protocol, inference_rest.md ("Inference Request JSON Object"); Triton's extension "Binary Tensor
Data" (header Inference-Header-Content-Length, parameters binary_data_size and binary_data_output) and "Schedule Policy"
(parameter timeout).
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError, convert
from msgspec.json import Decoder

from headworks.contract import json_text
from headworks.contract.tensors.signature import ANY, Signature, TensorSpec
from headworks.contract.tensors.tensor import (
    BYTES,
    Tensor,
    checked_shape,
    element_bytes,
    from_json,
    from_raw,
    refused,
)
from headworks.errors import Malformed
from headworks.values import RawRequest

JSON_LENGTH = "inference-header-content-length"
MOST_TENSORS = 256
LONGEST_TIMEOUT_US = 2**63
_REFUSED_PARAMETERS = ("shared_memory_region", "classification")

_json = Decoder(Raw).decode


class WireInput(Struct, frozen=True):
    """One input as it stands in the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class WireOutput(Struct, frozen=True):
    """One output that is asked for."""

    name: str
    parameters: dict[str, Any] = {}


class WireRequest(Struct, frozen=True):
    """The JSON of a request; fields of other extensions are left alone."""

    inputs: list[WireInput]
    outputs: list[WireOutput] | None = None
    id: str | None = None
    parameters: dict[str, Any] = {}


class Asked(Struct, frozen=True):
    """A request read: its tensors by name, and what its answer must look like.

    Shapes: `wanted` maps each asked output to whether it comes as raw bytes; None is every output, `is_raw` then says how.
    Units: `timeout_us` is how long the caller waits; None where it does not say.
    """

    inputs: Mapping[str, Tensor]
    wanted: Mapping[str, bool] | None
    is_raw: bool
    id: str | None
    timeout_us: int | None = None


def asked_of(raw: RawRequest, signature: Signature) -> Asked:
    """The tensors of a request and the form of its answer.

    Raises: Malformed and NotJson (400), SchemaViolation (422, with pointers).
    """
    if raw.headers.get(JSON_LENGTH) == "0":
        return Asked(_bare(raw.body, signature), None, True, None)
    head, tail = _parts(raw)
    request = _request(head)
    for place, parameters in (
        ("", request.parameters),
        *((f"/inputs/{n}", i.parameters) for n, i in enumerate(request.inputs)),
    ):
        _refuse_extensions(place, parameters)
    _refuse_sequence(request.parameters)
    timeout_us = _timeout_us(request.parameters)
    inputs = _tensors(request.inputs, tail)
    is_raw = bool(request.parameters.get("binary_data_output", False))
    if request.outputs is None:
        return Asked(inputs, None, is_raw, request.id, timeout_us)
    for number, output in enumerate(request.outputs):
        _refuse_extensions(f"/outputs/{number}", output.parameters)
    wanted = {output.name: bool(output.parameters.get("binary_data", is_raw)) for output in request.outputs}
    return Asked(inputs, wanted, is_raw, request.id, timeout_us)


def rows_of(asked: Asked, signature: Signature) -> tuple[list[Any], bool]:
    """The rows that these tensors hold as plain JSON values, and whether they came as many.

    Raises: SchemaViolation.
    """
    known = {spec.name for spec in signature.inputs}
    strange = next((name for name in asked.inputs if name not in known), None)
    if strange is not None:
        raise refused("/inputs", f"names an unknown input {strange!r}; known are {', '.join(sorted(known))}")
    columns: dict[str, list[Any]] = {}
    counts: set[int | None] = set()
    for number, spec in enumerate(signature.inputs):
        tensor = asked.inputs.get(spec.name)
        if tensor is None:
            if spec.is_required:
                raise refused("/inputs", f"lacks the input {spec.name!r}")
            continue
        at = f"/inputs/{number}"
        count = _row_count(tensor, spec, signature, at)
        counts.add(count)
        columns[spec.name] = [_value(each, spec, at) for each in _rows(tensor, count)]
    if len(counts) != 1:
        raise refused("/inputs", "must all hold the same number of rows")
    count = counts.pop()
    total = 1 if count is None else count
    if not signature.has_named_inputs:
        return columns[signature.inputs[0].name], count is not None
    return [{name: values[row] for name, values in columns.items()} for row in range(total)], count is not None


def _parts(raw: RawRequest) -> tuple[bytes, bytes]:
    """The JSON, and the raw bytes behind it."""
    said = raw.headers.get(JSON_LENGTH)
    if said is None:
        return raw.body, b""
    if not (said.isascii() and said.isdigit() and len(said) < 10) or not 0 < int(said) <= len(raw.body):
        raise Malformed("Inference-Header-Content-Length must say how many bytes of the body are JSON.")
    return raw.body[: int(said)], raw.body[int(said) :]


def _bare(body: bytes, signature: Signature) -> dict[str, Tensor]:
    """The one input of an endpoint, sent alone without any JSON: as many elements as there are bytes for, a text as it is.

    Raises: Malformed.
    """
    spec = signature.inputs[0]
    if len(signature.inputs) > 1 or spec.shape.count(ANY) > 1:
        raise Malformed("A body without JSON needs an endpoint of one input, of which one size at most may differ.")
    if spec.datatype == BYTES:
        if not spec.is_scalar:
            raise Malformed("A body without JSON is one text, and this endpoint takes several.")
        return {spec.name: Tensor(spec.name, BYTES, (1,), [body])}
    row_bytes = element_bytes(spec.datatype) * prod(size or 1 for size in spec.shape if size != ANY)
    shape = tuple(len(body) // row_bytes if size == ANY else size for size in spec.shape)
    return {spec.name: from_raw(spec.name, spec.datatype, checked_shape(shape, "/inputs/0"), body, "/inputs/0")}


def _request(head: bytes) -> WireRequest:
    document = json_text.decode(head, ("inputs",))
    try:
        request = convert(document, WireRequest)
    except ValidationError as error:
        text, _, where = str(error).partition(" - at `$")
        raise refused(
            where.rstrip("`").replace(".", "/").replace("[", "/").replace("]", ""), text[0].lower() + text[1:]
        ) from None
    if not 0 < len(request.inputs) <= MOST_TENSORS:
        raise refused("/inputs", f"must name 1 to {MOST_TENSORS} tensors")
    return request


def _refuse_extensions(at: str, parameters: Mapping[str, Any]) -> None:
    for name in _REFUSED_PARAMETERS:
        if name in parameters:
            raise refused(f"{at}/parameters/{name}", "is of an extension that this service does not have")


def _refuse_sequence(parameters: Mapping[str, Any]) -> None:
    """A model that keeps a state between calls would be given another's: no call knows of the one before."""
    if parameters.get("sequence_id") not in (None, 0, ""):
        raise refused("/parameters/sequence_id", "is of an extension that this service does not have")


def _timeout_us(parameters: Mapping[str, Any]) -> int | None:
    """How long the caller waits, in microseconds; 0 leaves it to the service."""
    said = parameters.get("timeout", 0)
    if type(said) is not int or not 0 <= said < LONGEST_TIMEOUT_US:
        raise refused("/parameters/timeout", f"must be a whole number of microseconds below {LONGEST_TIMEOUT_US}")
    return said or None


def _tensors(inputs: Sequence[WireInput], tail: bytes) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    place = 0
    for number, wire in enumerate(inputs):
        at = f"/inputs/{number}"
        shape = checked_shape(wire.shape, at)
        if wire.name in found:
            raise refused(f"{at}/name", "stands twice")
        size = wire.parameters.get("binary_data_size")
        if size is None:
            found[wire.name] = from_json(wire.name, wire.datatype, shape, wire.data, at)
            continue
        if type(size) is not int or size < 0 or wire.data is not None or size > len(tail) - place:
            raise refused(
                f"{at}/parameters/binary_data_size", "must say how many of the bytes behind the JSON are its own"
            )
        found[wire.name] = from_raw(wire.name, wire.datatype, shape, tail[place : place + size], at)
        place += size
    if place != len(tail):
        raise Malformed(f"{len(tail) - place} bytes behind the JSON belong to no input.")
    return found


def _row_count(tensor: Tensor, spec: TensorSpec, signature: Signature, at: str) -> int | None:
    """How many rows a tensor holds; None for one row without a dimension for rows.

    Raises: SchemaViolation.
    """
    if tensor.datatype != spec.datatype and not _is_wider(spec.datatype, tensor.datatype):
        raise refused(f"{at}/datatype", f"must be {spec.datatype}")
    if _matches(tensor.shape, spec.shape):
        return None
    if signature.is_batch and _matches(tensor.shape[1:], spec.shape):
        return tensor.shape[0]
    if signature.is_batch and spec.is_scalar and len(tensor.shape) == 1:
        return tensor.shape[0]
    text = ", ".join(map(str, signature.shape_of(spec)))
    raise refused(f"{at}/shape", f"must be [{text}], -1 for any size")


def _is_wider(wanted: str, given: str) -> bool:
    """Whether every value of one type has its place in the other: floats in floats, integers by their own bounds, which are checked."""
    both = wanted + given
    return both.count("FP") == 2 or (given == "BF16" and wanted.startswith("FP")) or both.count("INT") == 2


def _matches(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    return len(shape) == len(wanted) and all(want in (-1, size) for size, want in zip(shape, wanted, strict=True))


def _rows(tensor: Tensor, count: int | None) -> list[Any]:
    if count is None:
        return [tensor.nested()]
    return tensor.nested() if count else []


def _value(nested: Any, spec: TensorSpec, at: str) -> Any:
    """One row's value as JSON holds it."""
    while spec.is_scalar and isinstance(nested, list):
        nested = nested[0]
    if spec.datatype != BYTES:
        return nested
    return _text(nested, spec, at)


def _text(value: Any, spec: TensorSpec, at: str) -> Any:
    if isinstance(value, list):
        return [_text(each, spec, at) for each in value]
    if spec.form == "bytes":
        return value if isinstance(value, str) else b64encode(value).decode()
    try:
        text = value.decode() if isinstance(value, bytes) else value
        return text if spec.form == "text" else _json(text.encode())
    except (UnicodeDecodeError, DecodeError):
        raise refused(f"{at}/data", "must be UTF-8 text" if spec.form == "text" else "must be JSON text") from None
