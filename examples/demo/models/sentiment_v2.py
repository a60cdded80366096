"""Sentiment, second version: trained, in the same shape as the first."""

import skops.io
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import headworks
from headworks import tasks

from .features import features
from .places import MODELS
from .ranking import best_first


class Trained(headworks.Model):
    """Words, word pairs and the word list's verdict, weighted by what 14,810 rated texts taught."""

    examples = [tasks.text_classification.Request(inputs="The support agent was great, I love it!")]

    def load(self) -> None:
        self.vader = SentimentIntensityAnalyzer()
        self.words, self.classifier = skops.io.load(MODELS / "sentiment.skops", trusted=["numpy.dtype"])

    def predict(self, batch: list[tasks.text_classification.Request]) -> list[tasks.text_classification.Reply]:
        seen = features([call.inputs for call in batch], self.words, self.vader)
        labels = self.classifier.classes_.tolist()
        shares = [dict(zip(labels, row, strict=True)) for row in self.classifier.predict_proba(seen).tolist()]
        return [best_first(row, call) for row, call in zip(shares, batch, strict=True)]
