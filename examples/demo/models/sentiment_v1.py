"""Sentiment, first version: a word list."""

from collections.abc import Mapping

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import headworks
from headworks import tasks

from .ranking import best_first

# The threshold that VADER's authors recommend.
NEUTRAL_WITHIN = 0.05


class WordList(headworks.Model):
    """VADER: a lexicon with rules; nothing is learnt."""

    examples = [tasks.text_classification.Request(inputs="The support agent was great, I love it!")]

    def load(self) -> None:
        self.vader = SentimentIntensityAnalyzer()

    def predict(self, batch: list[tasks.text_classification.Request]) -> list[tasks.text_classification.Reply]:
        return [best_first(shares_of(self.vader.polarity_scores(call.inputs)), call) for call in batch]


def shares_of(scores: Mapping[str, float]) -> dict[str, float]:
    """VADER gives a mood from -1 to 1 and no probabilities: spread it over the labels, adding up to 1."""
    strength = abs(scores["compound"])
    mood, other = ("positive", "negative") if scores["compound"] > 0 else ("negative", "positive")
    share = strength if strength < NEUTRAL_WITHIN else (1 + strength) / 2
    return {mood: share, "neutral": 1 - share, other: 0.0}
