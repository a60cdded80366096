"""A reply of the endpoint as tensors, in JSON or as raw bytes behind it."""

import struct
from base64 import b64decode
from typing import Any

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, Encoder

from headworks.contract.tensors.signature import Signature, TensorSpec
from headworks.contract.tensors.tensor import BYTES, FP16, Tensor, flat, refused, shape_of, to_raw
from headworks.errors import ContractViolation

encode = Encoder().encode
_decode = Decoder().decode


class Wish(Struct):
    """What an answer must look like, remembered from the request; `json_bytes` is how long its JSON is where raw bytes follow."""

    model: str
    version: str
    id: str | None
    outputs: dict[str, bool] | None
    is_raw: bool
    json_bytes: int = 0

    def wants(self, name: str) -> bool:
        """Whether an output is asked for."""
        return self.outputs is None or name in self.outputs

    def wants_raw(self, name: str) -> bool:
        """Whether it is asked for as raw bytes."""
        return self.is_raw if self.outputs is None else self.outputs[name]


def check_outputs(wish: Wish, signature: Signature) -> None:
    """Refuse outputs that there are not.

    Raises: SchemaViolation.
    """
    known = {spec.name for spec in signature.outputs}
    for number, name in enumerate(wish.outputs or ()):
        if name not in known:
            raise refused(f"/outputs/{number}/name", f"must be one of {', '.join(sorted(known))}")


def told(reply: bytes, is_array: bool, signature: Signature, wish: Wish) -> bytes:
    """The body of the answer; `wish.json_bytes` is set where raw bytes stand behind the JSON.

    Raises: ContractViolation, when the reply makes no tensors.
    """
    try:
        document = _decode(reply)
        rows = document if is_array else [document]
        tensors = [
            _tensor(spec, [_field(row, spec, signature) for row in rows], is_array)
            for spec in signature.outputs
            if wish.wants(spec.name) and (is_array or _has(rows[0], spec, signature))
        ]
        return _body(tensors, wish)
    except (DecodeError, ValueError, KeyError, TypeError, struct.error, OverflowError) as error:
        raise ContractViolation(reason=f"the reply makes no tensors: {error!r}") from None


def _has(row: Any, spec: TensorSpec, signature: Signature) -> bool:
    return not signature.has_named_outputs or row.get(spec.name) is not None


def _field(row: Any, spec: TensorSpec, signature: Signature) -> Any:
    return row[spec.name] if signature.has_named_outputs else row


def _tensor(spec: TensorSpec, rows: list[Any], is_array: bool) -> Tensor:
    """The rows of one output; those that have no common shape cannot be one tensor."""
    if spec.form == "json":
        values: list[Any] = [encode(row) for row in rows]
        return Tensor(spec.name, BYTES, (len(rows), 1) if is_array else (1,), values)
    if spec.form == "bytes":
        return Tensor(spec.name, BYTES, (len(rows), 1) if is_array else (1,), [b64decode(row) for row in rows])
    if spec.is_scalar:
        return Tensor(spec.name, spec.datatype, (len(rows), 1) if is_array else (1,), rows)
    dimensions = len(spec.shape) + 1
    shape = shape_of(rows, dimensions)
    return Tensor(spec.name, spec.datatype, shape if is_array else shape[1:], flat(rows, dimensions))


def _body(tensors: list[Tensor], wish: Wish) -> bytes:
    outputs, tail = [], b""
    for tensor in tensors:
        head = {"name": tensor.name, "shape": list(tensor.shape), "datatype": tensor.datatype}
        if wish.wants_raw(tensor.name) or tensor.datatype == FP16:
            raw = to_raw(tensor)
            tail += raw
            outputs.append({**head, "parameters": {"binary_data_size": len(raw)}})
        else:
            values = [each.decode() if isinstance(each, bytes) else each for each in tensor.values]
            outputs.append({**head, "data": values})
    document: dict[str, Any] = {"model_name": wish.model, "model_version": wish.version, "outputs": outputs}
    if wish.id is not None:
        document["id"] = wish.id
    text = encode(document)
    wish.json_bytes = len(text) if tail or any("parameters" in output for output in outputs) else 0
    return text + tail
