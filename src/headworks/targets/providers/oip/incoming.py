"""The reply of an inference server as the reply of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder, Encoder

from headworks.contract.tensors.signature import Signature, TensorSpec
from headworks.contract.tensors.tensor import BYTES, Tensor, checked_shape, from_json, from_raw
from headworks.errors import ProviderBroken, SchemaViolation
from headworks.targets.providers.oip.outgoing import JSON_LENGTH
from headworks.targets.providers.oip.settings import Options
from headworks.targets.providers.wire import HttpResponse


class _Output(Struct):
    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class _Response(Struct):
    outputs: list[_Output]


_response = Decoder(_Response).decode
_json = Decoder().decode
encode = Encoder().encode


def outputs_of(response: HttpResponse) -> dict[str, Tensor]:
    """The tensors of a reply, in its order.

    Raises: ProviderBroken.
    """
    said = response.headers.get(JSON_LENGTH)
    cut = int(said) if said is not None and said.isascii() and said.isdigit() else len(response.body)
    head, tail = response.body[:cut], response.body[cut:]
    found: dict[str, Tensor] = {}
    try:
        for output in _response(head).outputs:
            shape = checked_shape(output.shape, output.name)
            size = output.parameters.get("binary_data_size")
            if size is None:
                found[output.name] = from_json(output.name, output.datatype, shape, output.data, output.name)
                continue
            found[output.name] = from_raw(output.name, output.datatype, shape, tail[:size], output.name)
            tail = tail[size:]
    except (DecodeError, ValidationError, UnicodeDecodeError, TypeError) as error:
        raise ProviderBroken(reason=f"reply: {str(error)[:200]}") from None
    except SchemaViolation as error:
        wrong = error.errors[0]
        raise ProviderBroken(reason=f"reply: {wrong.pointer} {wrong.message}") from None
    return found


def reply_of(outputs: Mapping[str, Tensor], signature: Signature, options: Options, task: str) -> bytes:
    """The task's reply that these tensors are.

    Raises: ProviderBroken, when a tensor is missing or is no text where one must be.
    """
    try:
        if options.labels and task in _FROM_CHANCES:
            return encode(_FROM_CHANCES[task](_chances(outputs), options.labels))
        if not signature.has_named_outputs:
            spec = signature.outputs[0]
            named = outputs.get(options.outputs.get(spec.name, spec.name))
            return encode(_value(next(iter(outputs.values())) if named is None else named, spec, options))
        document = {}
        for spec in signature.outputs:
            tensor = outputs.get(options.outputs.get(spec.name, spec.name)) or _only(outputs, signature)
            if tensor is not None:
                document[spec.name] = _value(tensor, spec, options)
        return encode(document)
    except (StopIteration, IndexError, ValueError, DecodeError, UnicodeDecodeError, TypeError) as error:
        raise ProviderBroken(reason=f"the outputs make no reply of {task}: {str(error)[:200]}") from None


def _only(outputs: Mapping[str, Tensor], signature: Signature) -> Tensor | None:
    """The one tensor of a server that answers one value under a name of its own."""
    is_one = len(outputs) == len(signature.outputs) == 1
    return next(iter(outputs.values())) if is_one else None


def _value(tensor: Tensor, spec: TensorSpec, options: Options) -> Any:
    values = [each.decode() if isinstance(each, bytes) else each for each in tensor.values]
    if spec.form == "json" and tensor.datatype == BYTES:
        return _json(values[0])
    if spec.is_scalar:
        return values[0]
    nested = Tensor(tensor.name, tensor.datatype, tensor.shape, values).nested()
    return nested[0] if options.is_batched else nested


def _chances(outputs: Mapping[str, Tensor]) -> list[float]:
    """The chance of each class: the tensor of floats."""
    tensor = next(each for each in outputs.values() if each.datatype.startswith("FP"))
    return [float(value) for value in tensor.values]


def _labelled(chances: Sequence[float], labels: Sequence[str]) -> list[dict[str, Any]]:
    ranked = sorted(zip(labels, chances, strict=True), key=lambda pair: -pair[1])
    return [{"label": label, "score": score} for label, score in ranked]


def _classified(chances: Sequence[float], labels: Sequence[str]) -> dict[str, Any]:
    best = _labelled(chances, labels)[0]
    return {**best, "probabilities": dict(zip(labels, chances, strict=True))}


_FROM_CHANCES = {
    "text-classification": _labelled,
    "image-classification": _labelled,
    "tabular-classification": _classified,
}
"""Tasks whose reply can be made of chances alone, where the classes are named in the settings."""
