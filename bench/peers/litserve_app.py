"""S1 and S2 on LitServe, one worker and one HTTP process; the scenario is the first argument, the port the second."""

import sys
from operator import mul
from typing import Annotated

import litserve
from pydantic import BaseModel, Field

WEIGHTS = tuple(0.01 * (position + 1) for position in range(30))


class Numbers(BaseModel):
    x: Annotated[list[float], Field(min_length=30, max_length=30)]


class Dot(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.weights = WEIGHTS

    def decode_request(self, request: Numbers) -> list[float]:
        return request.x

    def predict(self, x: list[float]) -> float:
        return sum(map(mul, self.weights, x))

    def encode_response(self, output: float) -> dict[str, float]:
        return {"score": output}


class Cancer(litserve.LitAPI):
    def setup(self, device: str) -> None:
        from cancer import trained

        self.pipeline = trained()

    def decode_request(self, request: Numbers) -> list[float]:
        return request.x

    def batch(self, inputs: list[list[float]]) -> list[list[float]]:
        return inputs

    def predict(self, x: list[list[float]]) -> list[float]:
        return self.pipeline.predict_proba(x)[:, 1].tolist()

    def unbatch(self, output: list[float]) -> list[float]:
        return output

    def encode_response(self, output: float) -> dict[str, float]:
        return {"probability": output}


if __name__ == "__main__":
    api = Dot() if sys.argv[1] == "s1" else Cancer(max_batch_size=32, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
