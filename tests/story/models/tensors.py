"""Models for clients that speak in tensors."""

import asyncio
from typing import Annotated

import msgspec
import numpy as np

import headworks
from headworks import DType, Shape
from headworks.tasks import text_classification as tc


class Doubled(headworks.Model):
    """Rows of four single floats, twice as large."""

    def predict(
        self, batch: Annotated[np.ndarray, Shape(None, 4), DType("float32")]
    ) -> Annotated[np.ndarray, Shape(None, 4), DType("float32")]:
        return batch * 2


class Pair(msgspec.Struct):
    left: list[float]
    count: int
    word: str
    is_loud: bool = False


class Told(msgspec.Struct):
    total: float
    words: list[str]
    extra: dict[str, int]


class Mixed(headworks.Model):
    """Fields of every form."""

    def predict(self, row: Pair) -> Told:
        word = row.word.upper() if row.is_loud else row.word
        return Told(sum(row.left) * row.count, [word] * row.count, {"n": row.count})


@headworks.model
def shout(text: str) -> str:
    return text.upper()


class Later(headworks.Model):
    """Answers after so many seconds, without holding the process."""

    async def predict(self, wait_s: float) -> float:
        await asyncio.sleep(wait_s)
        return wait_s


class Mood(headworks.Model):
    """Labels a text with itself."""

    def predict(self, row: tc.Request) -> tc.Reply:
        return [tc.Label(row.inputs, 1.0)]
