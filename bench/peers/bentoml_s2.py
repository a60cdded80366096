"""S2 on BentoML: one worker, batching in the entry service, so the client sends a batch of one row."""

from typing import Annotated

import bentoml
from annotated_types import Len
from cancer import trained


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, traffic={"timeout": 10})
class Cancer:
    def __init__(self) -> None:
        self.pipeline = trained()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, x: list[Annotated[list[float], Len(30, 30)]]) -> list[float]:
        return self.pipeline.predict_proba(x)[:, 1].tolist()
