"""Tensors as bytes and as JSON, and contracts as tensors."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.contract.tasks import schemas
from headworks.contract.tensors.signature import TensorSpec, signature_of
from headworks.contract.tensors.tensor import from_json, from_raw, shape_of, to_raw
from headworks.errors import SchemaViolation
from tests.unit.contracts import make_contract

FLOAT32 = {"type": "number", "minimum": -3.4028234663852886e38, "maximum": 3.4028234663852886e38}
KINDS = {
    "UINT8": st.integers(0, 255), "INT16": st.integers(-(2**15), 2**15 - 1), "UINT64": st.integers(0, 2**64 - 1),
    "INT64": st.integers(-(2**63), 2**63 - 1), "BOOL": st.booleans(), "FP32": st.floats(width=32, allow_nan=False),
    "FP64": st.floats(allow_nan=False), "FP16": st.floats(width=16, allow_nan=False), "BYTES": st.binary(max_size=20),
}  # fmt: skip


@given(data=st.data(), datatype=st.sampled_from(sorted(KINDS)), columns=st.integers(0, 4), rows=st.integers(0, 4))
def test_raw_bytes_read_are_the_raw_bytes_written(data, datatype, columns, rows):
    count = rows * columns
    values = data.draw(st.lists(KINDS[datatype], min_size=count, max_size=count))
    read = from_raw("t", datatype, (rows, columns), to_raw_of(datatype, values), "/inputs/0")

    assert list(read.values) == values
    assert to_raw(read) == to_raw_of(datatype, values)


def to_raw_of(datatype, values):
    codes = {
        "UINT8": "B",
        "INT16": "h",
        "UINT64": "Q",
        "INT64": "q",
        "BOOL": "?",
        "FP32": "f",
        "FP64": "d",
        "FP16": "e",
    }
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    return struct.pack(f"<{len(values)}{codes[datatype]}", *values)


@given(raw=st.binary(max_size=64), datatype=st.sampled_from([*sorted(KINDS), "BF16", "FP8"]), size=st.integers(0, 9))
def test_any_bytes_are_read_or_refused(raw, datatype, size):
    try:
        count = len(from_raw("t", datatype, (size,), raw, "/inputs/0").values)
    except SchemaViolation as refusal:
        count = size
        pointer = refusal.errors[0].pointer
    else:
        pointer = "/inputs/0/"

    assert count == size
    assert pointer.startswith("/inputs/0/")


def test_brain_floats_are_the_upper_half_of_single_floats():
    raw = struct.pack("<f", 1.5)[2:] + struct.pack("<f", -2.0)[2:]

    assert list(from_raw("t", "BF16", (2,), raw, "").values) == [1.5, -2.0]


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_json_data_may_be_flat_or_nested(data):
    assert from_json("t", "FP32", (2, 2), data, "").nested() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("data", [[1, [2, 3]], [1, 2], "1", [True, 1, 1, 1], [None] * 4])
def test_json_data_of_another_form_is_refused(data):
    with pytest.raises(SchemaViolation):
        from_json("t", "INT64", (4,), data, "/inputs/0")


def test_rows_of_different_sizes_have_no_shape():
    assert shape_of([[1, 2], [3, 4]], 2) == (2, 2)
    with pytest.raises(ValueError, match="differ"):
        shape_of([[1, 2], [3]], 2)


def test_a_whole_input_is_one_tensor_and_an_object_one_for_each_field():
    rows = make_contract(
        {"type": "array", "items": FLOAT32, "minItems": 4, "maxItems": 4}, {"type": "integer"}, is_batch=True
    )
    fields = {"type": "object", "properties": {"x": FLOAT32, "tags": {"type": "array", "items": {"type": "string"}}}}
    named = make_contract(fields, {"type": "object", "properties": {"why": {"type": "object"}}})

    assert signature_of(rows).inputs == (TensorSpec("input", "FP32", (4,), "numbers", is_scalar=False),)
    assert signature_of(rows).shape_of(signature_of(rows).inputs[0]) == (-1, 4)
    assert [(t.name, t.datatype, t.form, t.shape) for t in signature_of(named).inputs] == [
        ("x", "FP32", "numbers", (1,)),
        ("tags", "BYTES", "text", (-1,)),
    ]
    assert [(t.name, t.form) for t in signature_of(named).outputs] == [("why", "json")]


def test_tasks_that_are_no_tensors_are_text_and_json():
    task = signature_of(make_contract(*schemas("text-classification")))
    picture = signature_of(make_contract(*schemas("object-detection")))

    assert [(t.name, t.form, t.is_required) for t in task.inputs] == [
        ("inputs", "text", True),
        ("parameters", "json", False),
    ]
    assert [(t.name, t.datatype, t.form) for t in task.outputs] == [("output", "BYTES", "json")]
    assert picture.inputs[0].form == "bytes"
