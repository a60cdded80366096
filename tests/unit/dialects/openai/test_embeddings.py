"""Vectors as numbers and as base64 of little-endian 32-bit floats."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.dialects.openai.embeddings import packed, unpacked


def test_the_bytes_are_those_openai_sends():
    assert packed([0.5, -1.0]) == "AAAAPwAAgL8="


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=50))
def test_what_was_packed_is_unpacked_to_the_same_numbers(vector):
    assert unpacked(packed(vector)) == vector


def test_a_number_that_32_bits_cannot_hold_is_no_vector():
    with pytest.raises(OverflowError):
        packed([math.pow(10, 300)])
