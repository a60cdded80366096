from typing import Annotated

import numpy as np
import pytest

from headworks.contract import tasks
from headworks.contract.schema import Schema
from headworks.declare import DType, Shape
from headworks.targets.models.codec import codec_for
from headworks.targets.models.neutral import neutral
from headworks.targets.models.runtimes.rows import Columns, row_type

NAMED = Columns(3, ("a", "b", "c"), {"b": str, "c": float | None})


@pytest.mark.parametrize(
    "declared",
    [
        Annotated[np.ndarray, Shape(2, None, 3), DType("uint8")],
        Annotated[np.ndarray, Shape(), DType("bool")],
        row_type(NAMED),
        row_type(Columns(4, may_be_missing=True)),
    ],
)
def test_an_input_that_means_nothing_fits_its_schema(declared):
    codec = codec_for(declared)

    assert Schema(codec.schema).errors(neutral(codec.schema)) == ()


def test_what_is_needed_is_there_and_nothing_else():
    assert neutral(tasks.schemas("recommendation")[0]) == {"user": ""}
    assert neutral({"enum": ["x", "y"]}) == "x"
    assert neutral({"type": "integer", "minimum": 3}) == 3


def test_what_a_schema_does_not_say_is_null():
    assert neutral({}) is None
    assert neutral({"type": "array"}) == []
