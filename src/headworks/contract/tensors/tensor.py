"""Tensors as the protocol carries them: datatypes, shapes, JSON data flat or nested, and raw little-endian bytes.

Source: Open Inference Protocol, inference_rest.md ("Tensor Data"); Triton's extension "Binary Tensor Data".
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from msgspec import Struct

from headworks.errors import FieldError, SchemaViolation

MOST_ELEMENTS = 4_000_000
MOST_DIMENSIONS = 16

BOOL, BYTES, FP16, BF16, FP64, INT64 = "BOOL", "BYTES", "FP16", "BF16", "FP64", "INT64"
_CODES: Mapping[str, str] = {
    "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i", INT64: "q",
    FP16: "e", "FP32": "f", FP64: "d", BOOL: "?",
}  # fmt: skip
_LENGTH = struct.Struct("<I")
_BF16_LOW = b"\0\0"

_IS_INTEGER: Callable[[object], bool] = lambda value: type(value) is int  # noqa: E731
_IS_NUMBER: Callable[[object], bool] = lambda value: type(value) in (int, float)  # noqa: E731
_FITS: Mapping[str, Callable[[object], bool]] = {
    BOOL: lambda value: type(value) is bool,
    BYTES: lambda value: type(value) is str,
    "FP32": _IS_NUMBER,
    FP64: _IS_NUMBER,
    **{name: _IS_INTEGER for name in _CODES if "INT" in name},
}
"""What an element may be in JSON; FP16 and BF16 have no JSON form."""


class Tensor(Struct, frozen=True):
    """One tensor: its elements in row-major order; of BYTES each is text (from JSON) or bytes (from raw data)."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]

    def nested(self) -> Any:
        """The elements as lists in lists, one level a dimension."""
        values: Any = list(self.values)
        for size in reversed(self.shape[1:]):
            values = [values[at : at + size] for at in range(0, len(values), size)] if size else [[]] * self.shape[0]
        return values


def refused(pointer: str, message: str) -> SchemaViolation:
    """A refusal of one place in the request."""
    return SchemaViolation(errors=(FieldError(pointer, message),))


def checked_shape(shape: Sequence[int], at: str) -> tuple[int, ...]:
    """The shape of a tensor at a pointer.

    Raises: SchemaViolation, when a size is negative or there are too many elements or dimensions. Rows of nothing count as one
    element each: they take memory too.
    """
    if len(shape) > MOST_DIMENSIONS or any(size < 0 for size in shape) or prod(s or 1 for s in shape) > MOST_ELEMENTS:
        text = f"must be at most {MOST_DIMENSIONS} sizes, none below 0, of at most {MOST_ELEMENTS} elements together"
        raise refused(f"{at}/shape", text)
    return tuple(shape)


def from_json(name: str, datatype: str, shape: tuple[int, ...], data: Any, at: str) -> Tensor:
    """A tensor whose data stands in the JSON, flat or nested.

    Raises: SchemaViolation, with the pointer of what is wrong.
    """
    fits = _FITS.get(datatype)
    if fits is None:
        known = ", ".join((*_CODES, BF16, BYTES))
        text = "has no JSON form; send it as raw bytes" if datatype in (FP16, BF16) else f"must be one of {known}"
        raise refused(f"{at}/datatype", text)
    values = _flat(data, at)
    if len(values) != prod(shape):
        raise refused(f"{at}/data", f"must have {prod(shape)} elements, as the shape says")
    wrong = next((number for number, value in enumerate(values) if not fits(value)), None)
    if wrong is not None:
        raise refused(f"{at}/data", f"element {wrong} is no {datatype}")
    return Tensor(name, datatype, shape, values)


def element_bytes(datatype: str) -> int:
    """How many bytes an element has as raw data; 0 for BYTES, whose elements differ, and for what is no datatype."""
    return 2 if datatype == BF16 else struct.calcsize(_CODES[datatype]) if datatype in _CODES else 0


def from_raw(name: str, datatype: str, shape: tuple[int, ...], raw: bytes, at: str) -> Tensor:
    """A tensor whose data came as raw bytes.

    Raises: SchemaViolation, when the bytes are not what datatype and shape ask for.
    """
    count = prod(shape)
    if datatype == BYTES:
        return Tensor(name, datatype, shape, _byte_elements(raw, count, at))
    size = element_bytes(datatype)
    if not size:
        raise refused(f"{at}/datatype", f"must be one of {', '.join((*_CODES, BF16, BYTES))}")
    if len(raw) != count * size:
        raise refused(f"{at}/parameters/binary_data_size", f"must be {count * size}, as datatype and shape say")
    if datatype == BF16:
        wide = b"".join(_BF16_LOW + raw[i : i + 2] for i in range(0, len(raw), 2))
        return Tensor(name, datatype, shape, struct.unpack(f"<{count}f", wide))
    return Tensor(name, datatype, shape, struct.unpack(f"<{count}{_CODES[datatype]}", raw))


def to_raw(tensor: Tensor) -> bytes:
    """The raw bytes of a tensor.

    Raises: struct.error, OverflowError for a value that the datatype cannot hold.
    """
    if tensor.datatype == BYTES:
        elements = [value.encode() if isinstance(value, str) else value for value in tensor.values]
        return b"".join(_LENGTH.pack(len(element)) + element for element in elements)
    return struct.pack(f"<{len(tensor.values)}{_CODES[tensor.datatype]}", *tensor.values)


def shape_of(nested: Any, dimensions: int) -> tuple[int, ...]:
    """The sizes of lists in lists, so many levels deep.

    Raises: ValueError when rows differ in size.
    """
    shape: list[int] = []
    level = [nested]
    for _ in range(dimensions):
        sizes = {len(each) for each in level}
        if len(sizes) > 1:
            raise ValueError("rows differ in size")
        shape.append(sizes.pop() if sizes else 0)
        level = [item for each in level for item in each]
    return tuple(shape)


def flat(nested: Any, dimensions: int) -> list[Any]:
    """The elements of lists in lists, so many levels deep, in row-major order."""
    level = [nested]
    for _ in range(dimensions):
        level = [item for each in level for item in each]
    return level


def _flat(data: Any, at: str) -> list[Any]:
    if not isinstance(data, list):
        raise refused(f"{at}/data", "must be an array")
    level = data
    for _ in range(MOST_DIMENSIONS):
        if not any(isinstance(each, list) for each in level):
            return level
        if not all(isinstance(each, list) for each in level):
            break
        level = [item for each in level for item in each]
    raise refused(f"{at}/data", "must be flat, or nested as the shape says")


def _byte_elements(raw: bytes, count: int, at: str) -> list[bytes]:
    elements: list[bytes] = []
    place = 0
    while place < len(raw) and len(elements) < count:
        if len(raw) - place < _LENGTH.size:
            break
        (size,) = _LENGTH.unpack_from(raw, place)
        place += _LENGTH.size
        if size > len(raw) - place:
            break
        elements.append(raw[place : place + size])
        place += size
    if len(elements) != count or place != len(raw):
        text = f"must be {count} elements, each a length (4 bytes, little-endian) and so many bytes"
        raise refused(f"{at}/parameters/binary_data_size", text)
    return elements
