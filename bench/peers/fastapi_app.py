"""S1 and S2 on FastAPI and uvicorn, no access log; the scenario is the first argument, the port the second."""

import sys
from operator import mul
from typing import Annotated

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

WEIGHTS = tuple(0.01 * (position + 1) for position in range(30))


class Numbers(BaseModel):
    x: Annotated[list[float], Field(min_length=30, max_length=30)]


class Score(BaseModel):
    score: float


class Probability(BaseModel):
    probability: float


def trivial() -> FastAPI:
    """S1. `async def`, because a thread per call would only make it slower."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: Numbers) -> Score:
        return Score(score=sum(map(mul, WEIGHTS, body.x)))

    return app


def real() -> FastAPI:
    """S2, one row a call: FastAPI has no batching."""
    from cancer import trained

    app, pipeline = FastAPI(), trained()

    @app.post("/predict")
    async def predict(body: Numbers) -> Probability:
        return Probability(probability=float(pipeline.predict_proba([body.x])[0, 1]))

    return app


if __name__ == "__main__":
    chosen = {"s1": trivial, "s2": real}[sys.argv[1]]
    uvicorn.run(
        chosen(),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
