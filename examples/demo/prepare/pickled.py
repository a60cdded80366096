"""Reads two kinds of files that packages ship as pickles, and runs none of what such a file may ask for.

A pickle is a small program that names functions to call. Here every name is looked up in a table of ten harmless
stand-ins, and any other name ends the reading, so that a changed file can at worst yield wrong numbers.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
TORCH_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class NotAllowed(Exception):
    """The file asks for a name that reading numbers and text does not need."""


class TableReader(pickle.Unpickler):
    """An unpickler that knows only the names it is given."""

    def __init__(self, file: BinaryIO, names: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self.names = names

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.names:
            raise NotAllowed(f"{module}.{name}")
        return self.names[module, name]


class Parts:
    """Whatever a class of pandas would have been: only its state is kept."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Manager(Parts):
    """Stands for pandas' BlockManager: blocks of columns, then the column and row labels."""

    def __init__(self, blocks: Sequence["Block"], axes: Sequence[Any]) -> None:
        self.blocks, self.axes = blocks, axes


class Block:
    """Stands for pandas' block: rows of `values` are the columns at `places` of the table."""

    def __init__(self, values: Any, places: slice, ndim: int) -> None:
        self.values, self.places = values, places


class ObjectArray(Parts):
    """Stands for a numpy array of Python objects, which a pickle keeps as shape and list."""

    def __init__(self, *_: Any) -> None:
        super().__init__()

    def array(self) -> Array:
        _, shape, _, fortran, items = self.state
        flat = np.empty(len(items), dtype=object)
        flat[:] = items
        return flat.reshape(shape, order="F" if fortran else "C")


def number_array(data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> Array:
    """The array that numpy would have rebuilt from these bytes."""
    return np.frombuffer(data, dtype).reshape(shape, order="F" if order == "F" else "C")


def index_labels(_: Any, state: Mapping[str, Any]) -> Any:
    """The labels of one axis of a table: an array, or the bounds of a range."""
    return state.get("data", state)


PANDAS_NAMES: dict[tuple[str, str], Any] = {
    ("pandas.core.frame", "DataFrame"): Parts,
    ("pandas.core.internals.managers", "BlockManager"): Manager,
    ("pandas._libs.internals", "_unpickle_block"): Block,
    ("pandas.core.indexes.base", "_new_Index"): index_labels,
    ("pandas.core.indexes.base", "Index"): Parts,
    ("pandas.core.indexes.range", "RangeIndex"): Parts,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): Parts,
    ("numpy.core.numeric", "_frombuffer"): number_array,
    ("numpy.core.multiarray", "_reconstruct"): ObjectArray,
    ("builtins", "slice"): slice,
}


def read_table(data: bytes) -> dict[str, Array]:
    """The columns of a pickled pandas table, by name.

    Raises: NotAllowed if the file names anything but the parts of a table.
    """
    manager = TableReader(io.BytesIO(data), PANDAS_NAMES).load().state["_mgr"]
    labels = manager.axes[0].array()
    columns: dict[str, Array] = {}
    for block in manager.blocks:
        values = block.values.array() if isinstance(block.values, ObjectArray) else block.values
        columns.update(zip(labels[block.places], values, strict=True))
    return columns


class TorchReader(TableReader):
    """Reads PyTorch's older checkpoint form: five pickles, then the raw bytes of each storage."""

    def __init__(self, file: BinaryIO) -> None:
        names: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: arguments,
        }
        names |= {("torch", name): dtype for name, dtype in TORCH_DTYPES.items()}
        super().__init__(file, names)

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype[Any]]:
        _, dtype, key, _, _, *_ = pid
        return key, dtype


def read_checkpoint(file: BinaryIO) -> dict[str, Array]:
    """The tensors of a PyTorch checkpoint, by name.

    Raises: NotAllowed if the file names anything but tensors; ValueError if it is another kind of file.
    """
    magic, _, _, tensors, keys = (TorchReader(file).load() for _ in range(5))
    if magic != TORCH_MAGIC:
        raise ValueError("not a checkpoint of PyTorch's older form")
    dtypes = dict(storage for storage, *_ in tensors.values())
    storages: dict[str, Array] = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
    return {name: tensor(storages, *parts) for name, parts in tensors.items()}


def tensor(storages: Mapping[str, Array], storage: tuple[str, Any], offset: int, *form: Any) -> Array:
    """One tensor out of its storage, whose elements need not lie row by row."""
    shape, strides, *_ = form
    flat = storages[storage[0]]
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if not 0 <= offset <= last < flat.size:
        raise ValueError("a tensor reaches beyond its storage")
    in_bytes = tuple(stride * flat.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, in_bytes, writeable=False)
