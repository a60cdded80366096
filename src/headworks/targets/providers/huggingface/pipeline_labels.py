"""The pipelines text-classification and image-classification. Source: Hugging Face task specifications of these names."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.targets.providers.asked import Parameters, asked, pictured
from headworks.targets.providers.huggingface.pipeline import Pipeline, only
from headworks.targets.providers.labels import classified
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

SENTIMENTS: Mapping[str, str] = {
    "POSITIVE": "positive",
    "POS": "positive",
    "NEGATIVE": "negative",
    "NEG": "negative",
    "NEUTRAL": "neutral",
    "NEU": "neutral",
    "MIXED": "mixed",
}
"""How models of the hub write the four sentiments, in capitals; other labels are the model's own."""


class Label(Struct, frozen=True):
    """A label and its score."""

    label: str
    score: float


_REPLY = msgspec.json.Decoder(list[Label | list[Label]])


class TextLabels(Pipeline, frozen=True, kw_only=True):
    """Labels of a text."""

    task: str = "text-classification"

    def request(self, ask: Ask) -> HttpRequest:
        """One text."""
        row = asked(ask)
        return self.posted(row.inputs, {"top_k": row.wanted.top_k})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The labels of the one text, which some servers put into a list of their own."""
        row = asked(ask)
        found = _flat(decoded(_REPLY, response.body))
        pairs = [
            (self.labels.get(one.label) or SENTIMENTS.get(one.label.upper(), one.label), one.score) for one in found
        ]
        return Answer(classified(pairs, row.wanted), Usage(characters=len(row.inputs)), self.model)


class PictureLabels(Pipeline, frozen=True, kw_only=True):
    """Labels of a picture."""

    task: str = "image-classification"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        picture = pictured(ask)
        return self.posted_picture(picture, {"top_k": picture.wanted.top_k})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The labels of the one picture."""
        found = _flat(decoded(_REPLY, response.body))
        wanted: Parameters = pictured(ask).wanted
        pairs = [(self.labels.get(one.label, one.label), one.score) for one in found]
        return Answer(classified(pairs, wanted), Usage(images=1), self.model)


def _flat(told: list[Label | list[Label]]) -> list[Label]:
    nested = [one for one in told if isinstance(one, list)]
    return only(nested) if nested else [one for one in told if isinstance(one, Label)]
