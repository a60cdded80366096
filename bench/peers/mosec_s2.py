"""S2 on mosec: one worker, batches of at most 32 rows, the wait in milliseconds from PEER_WAIT_MS."""

import os
from typing import Annotated

import msgspec
from cancer import trained
from mosec import Server, ValidationError, Worker


class Features(msgspec.Struct):
    x: Annotated[list[float], msgspec.Meta(min_length=30, max_length=30)]


class Probability(msgspec.Struct):
    probability: float


DECODER = msgspec.json.Decoder(Features)
ENCODER = msgspec.json.Encoder()


class Cancer(Worker):
    def __init__(self) -> None:
        self.pipeline = trained()

    def deserialize(self, data: bytes) -> Features:
        try:
            return DECODER.decode(data)
        except msgspec.ValidationError as problem:
            raise ValidationError(str(problem)) from problem

    def serialize(self, data: Probability) -> bytes:
        return ENCODER.encode(data)

    def forward(self, data: list[Features]) -> list[Probability]:
        chances = self.pipeline.predict_proba([row.x for row in data])[:, 1]
        return [Probability(chance) for chance in chances.tolist()]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Cancer, num=1, max_batch_size=32, max_wait_time=int(os.environ.get("PEER_WAIT_MS", "2")))
    server.run()
