"""Sentiment, second version: trained, in the same shape as the first."""

import skops.io

import headworks
from headworks import tasks

from .places import MODELS
from .ranking import best_first


class Trained(headworks.Model):
    """Words and word pairs, weighted by what 14,810 rated texts taught."""

    examples = [tasks.text_classification.Request(inputs="The support agent was great, I love it!")]

    def load(self) -> None:
        self.pipeline = skops.io.load(MODELS / "sentiment.skops", trusted=["numpy.dtype"])

    def predict(self, batch: list[tasks.text_classification.Request]) -> list[tasks.text_classification.Reply]:
        rows = self.pipeline.predict_proba([call.inputs for call in batch]).tolist()
        labels = self.pipeline.classes_.tolist()
        return [best_first(dict(zip(labels, row, strict=True)), call) for row, call in zip(rows, batch, strict=True)]
