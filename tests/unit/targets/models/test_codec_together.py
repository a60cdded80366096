"""Many rows in one step give what the rows one by one give, or nothing."""

import json
from typing import Annotated

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headworks.declare import DType, Image, Shape
from headworks.errors import ContractViolation, SchemaViolation
from headworks.targets.models.codec import codec_for
from headworks.targets.models.signature import read_signature
from headworks.targets.models.typed import Described, TypedRunner
from tests.unit.targets.models.typed_documents import MSGSPEC_TYPES, PYDANTIC_TYPES

THOROUGH = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**70), 2**70), st.booleans(), st.text(max_size=1)
)
ELEMENTS = st.sampled_from(["float64", "float32", "int64", "uint8", "bool", "object"])
OUTPUTS = st.sampled_from([1.5, float("nan"), float("inf"), "a", None, 2**80, True, [1], {"x": 1}])


def array_of(shape, dtype):
    return codec_for(Annotated[np.ndarray, Shape(*shape), DType(dtype)])


def one_by_one(codec, documents):
    """What each text decodes to, or None when one of them is refused."""
    try:
        return [codec.decode(document) for document in documents]
    except SchemaViolation:
        return None


def together(codec, documents):
    try:
        return codec.decode_all(documents)
    except (msgspec.DecodeError, ValueError, OverflowError):
        return None


def texts_of(encode):
    try:
        return list(encode())
    except ContractViolation:
        return None


@THOROUGH
@given(st.data(), MSGSPEC_TYPES)
def test_rows_decoded_together_are_the_rows_decoded_one_by_one(data, made):
    codec = codec_for(made.declared)
    drawn = data.draw(st.lists(made.documents, min_size=1, max_size=4))
    documents = [json.dumps(document, ensure_ascii=False).encode() for document in drawn]
    rows = together(codec, documents)

    assert rows is None or rows == one_by_one(codec, documents)


@THOROUGH
@given(st.data(), MSGSPEC_TYPES)
def test_values_encoded_together_are_the_values_encoded_one_by_one(data, made):
    codec = codec_for(made.declared)
    drawn = data.draw(st.lists(made.documents, min_size=1, max_size=4))
    values = one_by_one(codec, [json.dumps(document).encode() for document in drawn]) or drawn

    expected = texts_of(lambda: [codec.encode(value) for value in values])
    assert texts_of(lambda: codec.encode_all(values, len(values))) == expected


@THOROUGH
@given(st.lists(OUTPUTS, min_size=1, max_size=4), st.sampled_from([float, float | None, bool, str, list[int]]))
def test_outputs_that_break_the_contract_break_it_together(values, declared):
    codec = codec_for(declared)

    expected = texts_of(lambda: [codec.encode(value) for value in values])
    assert texts_of(lambda: codec.encode_all(values, len(values))) == expected


@THOROUGH
@given(
    rows=st.lists(st.lists(NUMBERS, max_size=3), min_size=1, max_size=4), dtype=ELEMENTS, size=st.none() | st.just(2)
)
def test_arrays_decoded_together_are_the_arrays_decoded_one_by_one(rows, dtype, size):
    codec = array_of((size,), dtype)
    documents = [json.dumps(row).encode() for row in rows]
    found = together(codec, documents)

    if found is not None:
        expected = one_by_one(codec, documents)
        assert expected is not None
        assert found.dtype == expected[0].dtype
        np.testing.assert_array_equal(found, np.stack(expected))


@THOROUGH
@given(
    outputs=st.lists(st.lists(st.floats(), min_size=2, max_size=2), min_size=1, max_size=4),
    dtype=st.sampled_from(["float64", "float32"]),
    count=st.integers(1, 4),
)
def test_arrays_encoded_together_are_the_arrays_encoded_one_by_one(outputs, dtype, count):
    codec = array_of((2,), dtype)
    with np.errstate(over="ignore"):
        array = np.array(outputs, dtype=dtype)

    expected = texts_of(lambda: [codec.encode(row) for row in codec.scatter(array, count)])
    assert texts_of(lambda: codec.encode_all(array, count)) == expected


@pytest.mark.parametrize("outputs", [[1.0], [1.0, 2.0, 3.0], (), 1.0])
def test_as_many_outputs_as_rows_or_none(outputs):
    with pytest.raises(ContractViolation):
        codec_for(float).encode_all(outputs, 2)


@given(st.data(), PYDANTIC_TYPES)
@settings(max_examples=10, deadline=None)
def test_what_runs_validators_of_the_team_is_decoded_one_by_one_only(data, made):
    document = json.dumps(data.draw(made.documents)).encode()

    assert codec_for(made.declared).decode_all([document]) is None


def test_pictures_are_opened_one_by_one_only():
    assert codec_for(Image).decode_all([b'""']) is None


def test_a_predict_that_writes_into_its_batch_leaves_the_rows_as_they_were():
    def halve(batch: Annotated[np.ndarray, Shape(None, 2)]) -> list[float]:
        batch /= 2
        return batch.sum(axis=1).tolist()

    signature = read_signature(halve, "M")
    codecs = (codec_for(signature.request), codec_for(signature.reply))
    runner = TypedRunner(halve, signature, codecs, Described((), "v1", ""))
    rows = runner.decode_all([b"[1, 3]", b"[5, 7]"])

    assert runner.predict(rows) == [b"2.0", b"6.0"]
    assert runner.predict(rows) == [b"2.0", b"6.0"]
    assert runner.predict([rows[1]]) == [b"6.0"]


def test_one_wrong_text_leaves_the_decoding_to_each_on_its_own():
    def double(batch: list[float]) -> list[float]:
        return [2 * row for row in batch]

    signature = read_signature(double, "M")
    codecs = (codec_for(signature.request), codec_for(signature.reply))
    runner = TypedRunner(double, signature, codecs, Described((), "v1", ""))

    assert runner.decode_all([b"1", b'"x"', b"2"]) is None
    assert runner.decode_all([b"1", b"2"]) == [1.0, 2.0]
