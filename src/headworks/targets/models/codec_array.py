"""Numpy arrays of a declared shape and element type, as nested JSON arrays of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, get_args, get_origin

import msgspec
import numpy as np

from headworks.contract.schema import Schema
from headworks.declare import DType, Shape
from headworks.errors import ContractViolation, FieldError, SchemaViolation
from headworks.targets.models import faults
from headworks.targets.models.codec import Blobs, JsonSchema, RowByRow, below, parsed, refuse_empty_name, undeclarable

_FIX = 'Write Annotated[np.ndarray, headworks.Shape(None, 30), headworks.DType("float32")].'
_KINDS = {"f": float, "i": int, "u": int, "b": bool, "U": str, "O": str}
_JSON_TYPES = {float: "number", int: "integer", bool: "boolean", str: "string"}
_ANY_NUMBERS: JsonSchema = {
    "$ref": "#/$defs/numbers",
    "$defs": {
        "numbers": {
            "title": "Numbers",
            "anyOf": [{"type": ["number", "boolean"]}, {"type": "array", "items": {"$ref": "#/$defs/numbers"}}],
        }
    },
}


def array_codec(declared: Any) -> TensorCodec:
    """The codec of `Annotated[np.ndarray, Shape(...), DType(...)]`; float64 where no DType is given.

    Raises: ConfigurationRefused for an element type that JSON numbers cannot fill.
    """
    shape, name = array_notes(declared)
    return TensorCodec(shape, name, declared)


class TensorCodec:
    """Shape and element type of an array; a shape of None promises nothing but numbers, and is for outputs only."""

    schema: JsonSchema
    reply_schema: JsonSchema

    def __init__(self, shape: Shape | None, dtype: str, declared: Any = "array") -> None:
        """Raises: ConfigurationRefused for an element type that JSON numbers cannot fill."""
        try:
            self.dtype = np.dtype(dtype)
        except TypeError as error:
            raise undeclarable(declared, f"{dtype!r} is not a dtype of numpy", _FIX) from error
        if self.dtype.kind not in _KINDS:
            raise undeclarable(declared, f"elements of {dtype} have no JSON form", _FIX)
        self.shape = shape
        self._element = _KINDS[self.dtype.kind]
        self.schema = self.reply_schema = _ANY_NUMBERS if shape is None else self._schema(shape)
        self._published = Schema(self.schema)
        self._decoder = msgspec.json.Decoder(_nested(self._element, 0 if shape is None else len(shape)))

    def _schema(self, shape: Sequence[int | None]) -> dict[str, Any]:
        if not shape:
            return self._element_schema()
        out = {"type": "array", "items": self._schema(shape[1:])}
        return out if shape[0] is None else {**out, "minItems": shape[0], "maxItems": shape[0]}

    def _element_schema(self) -> dict[str, Any]:
        out: dict[str, Any] = {"type": _JSON_TYPES[self._element]}
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            return {**out, "minimum": int(limits.min), "maximum": int(limits.max)}
        if self.dtype.kind == "f" and self.dtype.itemsize < 8:
            most = float(np.finfo(self.dtype).max)
            return {**out, "minimum": -most, "maximum": most}
        return out

    def decode(self, document: bytes) -> Any:
        """The array of one JSON text.

        Raises: SchemaViolation with pointers.
        """
        try:
            return self._array(self._decoder.decode(document))
        except (msgspec.DecodeError, ValueError, OverflowError):
            return self._again(parsed(document))

    def decode_all(self, documents: Sequence[bytes]) -> Sequence[Any] | None:
        """One array whose first dimension counts the texts.

        Raises: msgspec.DecodeError, ValueError or OverflowError when one of them, or their sizes together, are not plain.
        """
        array = self._converted(list(map(self._decoder.decode, documents)))
        if not array.size or not _fits(array.shape, (len(documents), *(self.shape or ()))):
            raise ValueError
        return array  # type: ignore[no-any-return]  # a sequence of arrays

    def decode_with(self, document: bytes, blobs: Blobs) -> Any:
        """Refused: an array has no binary fields.

        Raises: SchemaViolation.
        """
        refuse_empty_name(blobs)
        return self.decode(document)

    def _again(self, document: Any) -> Any:
        value, is_changed = faults.with_whole_numbers(document)
        wrong = self._published.errors(value)
        if not wrong and is_changed:
            with suppress(msgspec.ValidationError, ValueError, OverflowError):
                return self._array(msgspec.convert(value, self._decoder.type))
        raise SchemaViolation(errors=wrong or (FieldError("", f"must be an array of shape {self.shape!r}"),))

    def _array(self, nested: Any) -> Any:
        """Raises: ValueError or OverflowError when shape or range do not fit."""
        array = self._converted(nested)
        shape = self.shape or ()
        if array.size == 0 and array.ndim < len(shape):  # an empty list does not say what it would have held
            array = array.reshape(array.shape + tuple(size or 0 for size in shape[array.ndim :]))
        if not _fits(array.shape, shape):
            raise ValueError
        return array

    def _converted(self, nested: Any) -> Any:
        """Raises: ValueError or OverflowError when it is ragged or out of range."""
        if self.dtype.kind != "f":
            return np.array(nested, dtype=self.dtype)
        wide = np.array(nested, dtype=np.float64)
        if self.dtype.itemsize < 8 and wide.size and np.abs(wide).max() > np.finfo(self.dtype).max:
            raise OverflowError
        return wide.astype(self.dtype, copy=False)

    def encode(self, value: Any) -> bytes:
        """The nested JSON arrays of one array or number.

        Raises: ContractViolation for another shape or kind of element, NaN or an infinity.
        """
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ContractViolation(reason=f"the output is no array: {error}") from error
        self._check(array, self.shape)
        return self._text(array) if array.dtype.kind == "O" else msgspec.json.encode(array.tolist())

    def encode_all(self, outputs: Any, count: int) -> Sequence[bytes]:
        """The nested JSON arrays of each slice.

        Raises: ContractViolation, as `encode`.
        """
        rows = self.scatter(outputs, count)
        if self.shape is None or outputs.dtype.kind == "O":
            return [self.encode(row) for row in rows]
        self._check(outputs, (count, *self.shape))
        return list(map(msgspec.json.encode, outputs.tolist()))

    def _check(self, array: Any, shape: Sequence[int | None] | None) -> None:
        """Raises: ContractViolation."""
        if shape is not None and not _fits(array.shape, shape):
            raise ContractViolation(reason=f"the output has shape {array.shape}, declared is {self.shape!r}")
        if not self._holds(array.dtype):
            raise ContractViolation(reason=f"the output holds {array.dtype}, declared is {self.dtype}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ContractViolation(reason="the output holds NaN or an infinity")

    def _text(self, array: Any) -> bytes:
        """The JSON text of an array of Python objects, all of which must be strings."""
        if not all(isinstance(element, str) for element in array.flat):
            raise ContractViolation(reason="the output holds other things than text")
        return msgspec.json.encode(array.tolist())

    def gather(self, rows: Any) -> Any:
        """The rows stacked along a new first dimension; always a copy, so that predict may write into it.

        Raises: ValueError when their shapes differ.
        """
        return rows.copy() if isinstance(rows, np.ndarray) else np.stack(rows)

    def scatter(self, outputs: Any, count: int) -> Sequence[Any]:
        """One slice a row.

        Raises: ContractViolation when the first dimension is not the number of rows.
        """
        given = outputs.shape if isinstance(outputs, np.ndarray) else None
        if given is None or len(given) == 0 or given[0] != count:
            described = type(outputs).__name__ if given is None else f"an array of shape {given}"
            raise ContractViolation(reason=f"predict gave {described} for a batch of {count}")
        return list(outputs)

    def _holds(self, given: np.dtype[Any]) -> bool:
        if self.shape is None:
            return given.kind in "fiub"
        if self.dtype.kind in "UO":
            return given.kind in "UO"
        return bool(np.can_cast(given, self.dtype, casting="same_kind")) and given.kind in "fiub"


def array_notes(declared: Any) -> tuple[Shape | None, str]:
    """The shape and the element type that an annotation names.

    Raises: ConfigurationRefused when it says one of them twice.
    """
    bare, *notes = get_args(declared) if get_origin(declared) is Annotated else (declared,)
    shapes = [note for note in notes if isinstance(note, Shape)]
    names = [note for note in notes if isinstance(note, DType)] or _generic_dtype(bare)
    if len(shapes) > 1 or len(names) > 1:
        raise undeclarable(declared, "Shape or DType is given twice", _FIX)
    return (shapes[0] if shapes else None), (names[0] if names else "float64")


def _generic_dtype(bare: Any) -> list[str]:
    """The dtype of `NDArray[np.float32]`."""
    for argument in get_args(bare)[1:]:
        for scalar in get_args(argument):
            if isinstance(scalar, type) and issubclass(scalar, np.generic) and scalar is not np.generic:
                return [np.dtype(scalar).name]
    return []


class TensorsCodec(RowByRow):
    """An object of named arrays, as a model file with several inputs or outputs has them."""

    schema: JsonSchema
    reply_schema: JsonSchema

    def __init__(self, tensors: Mapping[str, TensorCodec]) -> None:
        self._tensors = dict(tensors)
        fields = {name: dict(tensor.schema) for name, tensor in tensors.items()}
        definitions = [field.pop("$defs", {}) for field in fields.values()]
        self.schema = self.reply_schema = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
            "$defs": {name: inner for definition in definitions for name, inner in definition.items()},
        }
        self._published = Schema(self.schema)
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def decode(self, document: bytes) -> Any:
        """The arrays by name.

        Raises: SchemaViolation with pointers.
        """
        try:
            fields = self._decoder.decode(document)
        except msgspec.DecodeError:
            fields = {}
        if fields.keys() != self._tensors.keys():
            raise SchemaViolation(errors=self._published.errors(parsed(document)))
        return {name: self._field(name, bytes(fields[name])) for name in self._tensors}

    def _field(self, name: str, document: bytes) -> Any:
        try:
            return self._tensors[name].decode(document)
        except SchemaViolation as refusal:
            raise SchemaViolation(errors=below(refusal, f"/{name}")) from refusal

    def decode_with(self, document: bytes, blobs: Blobs) -> Any:
        """Refused: arrays have no binary fields.

        Raises: SchemaViolation.
        """
        refuse_empty_name(blobs)
        return self.decode(document)

    def encode(self, value: Any) -> bytes:
        """The JSON object of arrays by name.

        Raises: ContractViolation for a missing or unknown name, or an array that does not fit.
        """
        if not isinstance(value, Mapping) or value.keys() != self._tensors.keys():
            raise ContractViolation(reason=f"the output is not an object of {list(self._tensors)}")
        return msgspec.json.encode({name: msgspec.Raw(t.encode(value[name])) for name, t in self._tensors.items()})

    def gather(self, rows: Sequence[Any]) -> Any:
        """Each name's arrays, stacked."""
        return {name: tensor.gather([row[name] for row in rows]) for name, tensor in self._tensors.items()}

    def scatter(self, outputs: Any, count: int) -> Sequence[Any]:
        """One object of slices a row.

        Raises: ContractViolation when a first dimension is not the number of rows.
        """
        cut = {name: tensor.scatter(outputs[name], count) for name, tensor in self._tensors.items()}
        return [{name: cut[name][row] for name in cut} for row in range(count)]


def _nested(element: type, depth: int) -> Any:
    return element if depth == 0 else list[_nested(element, depth - 1)]  # type: ignore[misc]  # built at run time


def _fits(given: tuple[int, ...], declared: Sequence[int | None]) -> bool:
    return len(given) == len(declared) and all(
        want is None or want == size for want, size in zip(declared, given, strict=True)
    )
