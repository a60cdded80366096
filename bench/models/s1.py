"""S1, the trivial model: exactly 30 floats in, their weighted sum out. What is measured is everything around it."""

from operator import mul
from typing import Annotated

import msgspec

import headworks

WEIGHTS = tuple(0.01 * (position + 1) for position in range(30))


class Numbers(msgspec.Struct):
    """The features of one row."""

    x: Annotated[list[float], msgspec.Meta(min_length=30, max_length=30)]


class Score(msgspec.Struct):
    """The model's answer for one row."""

    score: float


class Dot(headworks.Model):
    """A dot product with fixed weights."""

    def predict(self, batch: list[Numbers]) -> list[Score]:
        """One score a row."""
        return [Score(sum(map(mul, WEIGHTS, row.x))) for row in batch]
