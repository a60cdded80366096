"""Each known difference between the published schema and the decoder, as docs/explanation/validation.md lists them."""

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import numpy as np
import pydantic
import pytest

from headworks.contract.schema import Schema
from headworks.declare import Image, Shape
from headworks.errors import SchemaViolation
from headworks.targets.models.codec import codec_for

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "validation.md"
HUGE = b"1" + b"0" * 400


class Struct(msgspec.Struct):
    a: int = 1


class ArrayLike(msgspec.Struct, array_like=True):
    a: int


class Aliased(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)
    a: int = pydantic.Field(1, alias="A")


class Moment(pydantic.BaseModel):
    at: datetime


class One(pydantic.BaseModel):
    it: Literal[1]


class Even(pydantic.BaseModel):
    it: int

    @pydantic.field_validator("it")
    @classmethod
    def _even(cls, value):
        if value % 2:
            raise ValueError("must be even")
        return value


class Number(pydantic.BaseModel):
    it: float


Digits = Annotated[str, msgspec.Meta(pattern=r"^\d+$")]

STRICTER_FRONT = [
    ("unknown field", Struct, {"z": 1}),
    ("extra item of an array-like struct", ArrayLike, [1, 2]),
    ("repeated item of a set", set[int], [1, 1]),
    ("true for a pydantic literal 1", One, {"it": True}),
    ("pydantic field by its name beside its alias", Aliased, {"a": 1}),
    ("pattern on other alphabets", Digits, "١٢"),
    ("pattern before a last line break", Digits, "12\n"),
    ("date-time without offset in pydantic", Moment, {"at": "2026-01-02T03:04:05"}),
    ("uuid without hyphens", UUID, "123e4567e89b12d3a456426614174000"),
    ("fraction of a second in a duration", timedelta, "PT1.5S"),
    ("number for a decimal", Decimal, 1.5),
]
STRICTER_WORKER = [
    ("text that is not base64", bytes, "?"),
    ("picture that cannot be decoded", Image, "aGk="),
    ("custom validator", Even, {"it": 1}),
    ("leap second and year zero", datetime, "2026-12-31T23:59:60Z"),
    ("leap second and year zero", datetime, "0000-01-01T00:00:00Z"),
    ("duration in months or years", timedelta, "P1Y"),
    ("text that is no decimal", Decimal, "x"),
    ("whole number beyond the floats", float, HUGE),
    ("whole number beyond the floats", Number, b'{"it": ' + HUGE + b"}"),
    ("whole number beyond the floats", Annotated[np.ndarray, Shape(1)], b"[" + HUGE + b"]"),
    ("multiple of a fraction", Annotated[float, msgspec.Meta(multiple_of=0.1)], 0.7),
    ("key of a mapping from numbers", dict[int, str], {"x": "a"}),
    ("ragged array", Annotated[np.ndarray, Shape(None, None)], [[1], [1, 2]]),
]


def _both(declared, document):
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    codec = codec_for(declared)
    return codec, text, Schema(codec.schema).errors(msgspec.json.decode(text))


@pytest.mark.parametrize(("name", "declared", "document"), STRICTER_FRONT, ids=[case[0] for case in STRICTER_FRONT])
def test_the_front_refuses_what_the_worker_would_read(name, declared, document):
    codec, text, errors = _both(declared, document)

    assert errors
    codec.decode(text)


@pytest.mark.parametrize(("name", "declared", "document"), STRICTER_WORKER, ids=[case[0] for case in STRICTER_WORKER])
def test_the_worker_refuses_with_a_message_what_the_front_lets_pass(name, declared, document):
    codec, text, errors = _both(declared, document)

    assert errors == ()
    with pytest.raises(SchemaViolation) as caught:
        codec.decode(text)
    assert caught.value.errors


def test_the_page_lists_exactly_the_differences_tested_here():
    table = PAGE.read_text().partition("## DIFFERENCES")[2]
    listed = re.findall(r"^\| (?!difference|-)(.+?) \|", table, re.MULTILINE)

    assert listed == list(dict.fromkeys(name for name, _, _ in [*STRICTER_FRONT, *STRICTER_WORKER]))
