import io
import pickle
import struct

import pytest

np = pytest.importorskip("numpy")

from examples.demo.prepare.pickled import TORCH_MAGIC, NotAllowed, read_checkpoint, read_table  # noqa: E402


def opcodes(value):
    """The instructions of a pickle that push one plain value, without its frame."""
    return pickle.dumps(value, 2)[2:-1]


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def checkpoint(rebuild, offset, shape, strides):
    storage = (
        b"(" + opcodes("storage") + name("torch", "FloatStorage") + opcodes("7") + opcodes("cpu") + opcodes(6) + b"NtQ"
    )
    arguments = b"(" + storage + opcodes(offset) + opcodes(shape) + opcodes(strides) + b"\x89Nt"
    tensors = b"\x80\x02}(" + opcodes("weight") + rebuild + arguments + b"Ru."
    head = b"".join(pickle.dumps(part, 2) for part in (TORCH_MAGIC, 1001, {}))
    return io.BytesIO(head + tensors + pickle.dumps(["7"], 2) + struct.pack("<q6f", 6, *range(6)))


REBUILD = name("torch._utils", "_rebuild_tensor_v2")


def test_a_checkpoint_gives_its_tensors_even_when_they_do_not_lie_row_by_row():
    straight = read_checkpoint(checkpoint(REBUILD, 0, (2, 3), (3, 1)))
    crossed = read_checkpoint(checkpoint(REBUILD, 0, (3, 2), (1, 3)))

    assert straight["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert crossed["weight"].tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(("offset", "shape", "strides"), [(0, (2, 4), (4, 1)), (6, (1,), (1,)), (0, (2,), (-1,))])
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(offset, shape, strides):
    with pytest.raises(ValueError, match="beyond its storage"):
        read_checkpoint(checkpoint(REBUILD, offset, shape, strides))


@pytest.mark.parametrize(("module", "attribute"), [("os", "system"), ("builtins", "eval"), ("torch.hub", "load")])
def test_a_name_that_tensors_do_not_need_ends_the_reading(module, attribute):
    with pytest.raises(NotAllowed, match=f"{module}.{attribute}"):
        read_checkpoint(checkpoint(name(module, attribute), 0, (2, 3), (3, 1)))


def test_another_kind_of_checkpoint_is_refused():
    with pytest.raises(ValueError, match="older form"):
        read_checkpoint(io.BytesIO(b"".join(pickle.dumps(part, 2) for part in range(5))))


def table():
    """A pickled table of one number column and one text column, as pandas writes it."""
    dtype = name("numpy", "dtype") + b"(" + opcodes("<i8") + b"tR"
    values = struct.pack("<2q", 3, 4)
    numbers = name("numpy.core.numeric", "_frombuffer") + b"(" + b"\x96" + struct.pack("<Q", 16) + values + dtype
    numbers += opcodes((1, 2)) + opcodes("C") + b"tR"

    def objects(shape, items):
        made = name("numpy.core.multiarray", "_reconstruct") + b"(" + name("numpy", "ndarray") + b"tR"
        return made + b"(K\x01" + opcodes(shape) + b"N\x89" + opcodes(items) + b"tb"

    def block(values, start):
        place = name("builtins", "slice") + opcodes((start, start + 1, 1)) + b"R"
        return name("pandas._libs.internals", "_unpickle_block") + b"(" + values + place + b"K\x02tR"

    labels = name("pandas.core.indexes.base", "_new_Index") + b"(" + name("pandas.core.indexes.base", "Index")
    labels += b"}(" + opcodes("data") + objects((2,), ["age", "city"]) + b"utR"
    blocks = b"(" + block(numbers, 0) + block(objects((1, 2), ["Faro", "Leiria"]), 1) + b"t"
    manager = name("pandas.core.internals.managers", "BlockManager") + b"(" + blocks + b"](" + labels + b"etR"
    frame = name("pandas.core.frame", "DataFrame") + b")\x81}(" + opcodes("_mgr") + manager + b"ub."
    return b"\x80\x05" + frame


def test_a_table_gives_its_columns_by_name():
    columns = read_table(table())

    assert columns["age"].tolist() == [3, 4]
    assert columns["city"].tolist() == ["Faro", "Leiria"]


def test_a_table_that_names_a_program_is_refused():
    with pytest.raises(NotAllowed, match=r"posix\.system"):
        read_table(table().replace(b"cnumpy\ndtype\n", b"cposix\nsystem\n"))
