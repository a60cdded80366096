"""S1 on mosec: one worker, typed JSON by msgspec."""

from operator import mul
from typing import Annotated

import msgspec
from mosec import Server, ValidationError, Worker

WEIGHTS = tuple(0.01 * (position + 1) for position in range(30))


class Numbers(msgspec.Struct):
    x: Annotated[list[float], msgspec.Meta(min_length=30, max_length=30)]


class Score(msgspec.Struct):
    score: float


DECODER = msgspec.json.Decoder(Numbers)
ENCODER = msgspec.json.Encoder()


class Dot(Worker):
    def deserialize(self, data: bytes) -> Numbers:
        try:
            return DECODER.decode(data)
        except msgspec.ValidationError as problem:
            raise ValidationError(str(problem)) from problem

    def serialize(self, data: Score) -> bytes:
        return ENCODER.encode(data)

    def forward(self, data: Numbers) -> Score:
        return Score(sum(map(mul, WEIGHTS, data.x)))


if __name__ == "__main__":
    server = Server()
    server.append_worker(Dot, num=1)
    server.run()
