"""S1 on BentoML: one worker."""

from operator import mul
from typing import Annotated

import bentoml
from annotated_types import Len
from pydantic import BaseModel

WEIGHTS = tuple(0.01 * (position + 1) for position in range(30))


class Score(BaseModel):
    score: float


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Dot:
    @bentoml.api
    def predict(self, x: Annotated[list[float], Len(30, 30)]) -> Score:
        return Score(score=sum(map(mul, WEIGHTS, x)))
