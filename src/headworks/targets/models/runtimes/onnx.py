"""ONNX models on onnxruntime: the file's inputs and outputs, with their shapes and element types, are the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,  # noqa: A004  # onnxruntime's own name
)

from headworks.declare import Shape
from headworks.errors import ConfigurationRefused
from headworks.targets.models.codec import Codec
from headworks.targets.models.codec_array import TensorCodec, TensorsCodec
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes.files import file_of, parameters_of, version_of
from headworks.targets.models.signature import Signature
from headworks.targets.models.typed import Described, TypedRunner

_UNREADABLE = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NotImplemented)
_DTYPES = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint8)": "uint8",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


class OnnxParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`threads` of one call; `providers` are onnxruntime's execution providers; `examples` run before ready."""

    threads: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    examples: tuple[Any, ...] = ()


def load(source: Source) -> TypedRunner:
    """The model of an ONNX file.

    A first dimension left open in every input and output is the batch. One input or output stands for itself,
    several are an object by name.

    Raises: ConfigurationRefused for a file that is no ONNX model, or whose inputs or outputs are no tensors.
    """
    parameters, path = parameters_of(source, OnnxParameters), file_of(source)
    session = _session(str(path), parameters)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    tensors = [*inputs, *outputs]
    is_batch = all(len(tensor.shape) > 0 and not isinstance(tensor.shape[0], int) for tensor in tensors)
    request = _codec(inputs, is_batch=is_batch, is_output=False)
    reply = _codec(outputs, is_batch=is_batch, is_output=True)
    predict = _predict(session, [tensor.name for tensor in inputs], [tensor.name for tensor in outputs])
    described = Described(
        parameters.examples, version_of(path), session.get_modelmeta().description or "", is_file=True
    )
    return TypedRunner(predict, Signature(None, None, is_batch=is_batch), (request, reply), described)


def _session(path: str, parameters: OnnxParameters) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = parameters.threads
    options.inter_op_num_threads = 1
    unknown = set(parameters.providers) - set(onnxruntime.get_available_providers())
    if unknown:
        available = ", ".join(onnxruntime.get_available_providers())
        raise ConfigurationRefused(f"There is no provider {', '.join(sorted(unknown))}; this machine has {available}.")
    try:
        return onnxruntime.InferenceSession(path, options, providers=list(parameters.providers))
    except _UNREADABLE as error:
        raise ConfigurationRefused(f"{path} cannot be loaded as an ONNX model: {error}") from error


def _codec(tensors: Sequence[Any], *, is_batch: bool, is_output: bool) -> Codec:
    codecs = {tensor.name: _tensor(tensor, is_batch=is_batch, is_output=is_output) for tensor in tensors}
    return next(iter(codecs.values())) if len(codecs) == 1 else TensorsCodec(codecs)


def _tensor(tensor: Any, *, is_batch: bool, is_output: bool) -> TensorCodec:
    dtype = _DTYPES.get(tensor.type)
    if dtype is None:
        raise ConfigurationRefused(
            f"{tensor.name!r} is a {tensor.type}, not a tensor of numbers or strings. A classifier of scikit-learn is "
            "exported with zipmap=False; anything else is wrapped in a headworks.Model."
        )
    sizes = tensor.shape[1:] if is_batch else tensor.shape
    shape = Shape(*(size if isinstance(size, int) else None for size in sizes))
    is_unknown = is_output and len(tensor.shape) == 0  # onnxruntime says so of a scalar and of an unknown rank
    return TensorCodec(None if is_unknown else shape, dtype, tensor.name)


def _predict(session: Any, inputs: list[str], outputs: list[str]) -> Callable[[Any], Any]:
    def feed(given: Any) -> Mapping[str, Any]:
        return {inputs[0]: given} if len(inputs) == 1 else given

    def predict(given: Any) -> Any:
        found = session.run(outputs, feed(given))
        return found[0] if len(outputs) == 1 else dict(zip(outputs, found, strict=True))

    return predict
