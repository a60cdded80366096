"""The project's own model: a word list that knows moods, and answers before anything is asked outside."""

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import headworks
from headworks.tasks import text_classification as tc

# The threshold that VADER's authors recommend.
NEUTRAL_WITHIN = 0.05


class WordList(headworks.Model):
    """VADER: a lexicon with rules."""

    examples = [tc.Request(inputs="The support agent was great, I love it!")]

    def load(self) -> None:
        self.vader = SentimentIntensityAnalyzer()

    def predict(self, batch: list[tc.Request]) -> list[tc.Reply]:
        return [self.labels(call) for call in batch]

    def labels(self, call: tc.Request) -> tc.Reply:
        mood = self.vader.polarity_scores(call.inputs)["compound"]
        strength = abs(mood)
        share = strength if strength < NEUTRAL_WITHIN else (1 + strength) / 2
        better, worse = ("positive", "negative") if mood > 0 else ("negative", "positive")
        labels = [tc.Label(better, share), tc.Label("neutral", 1 - share), tc.Label(worse, 0.0)]
        top_k = call.parameters.top_k if call.parameters else None
        return sorted(labels, key=lambda label: -label.score)[:top_k]
