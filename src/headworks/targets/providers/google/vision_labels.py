"""Google Cloud Vision labels and safe search as image classification. Source: google.cloud.vision.v1."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from headworks.costs import Usage
from headworks.targets.providers.asked import pictured
from headworks.targets.providers.google.vision import MOST_RESULTS, Item, VisionApi, only_item
from headworks.targets.providers.labels import classified
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

LIKELIHOODS: Mapping[str, float] = {
    "VERY_UNLIKELY": 0.05,
    "UNLIKELY": 0.25,
    "POSSIBLE": 0.5,
    "LIKELY": 0.75,
    "VERY_LIKELY": 0.95,
}
"""Safe search answers in words; these are their scores. What it does not know is left out."""


class _Label(Struct, frozen=True):
    description: str
    score: float = 0.0


class _Labels(Item, frozen=True):
    labels: list[_Label] = field(default_factory=list, name="labelAnnotations")
    safe: dict[str, str | float] = field(default_factory=dict, name="safeSearchAnnotation")


_REPLY = msgspec.json.Decoder(dict[str, list[_Labels]])


class DetectLabels(VisionApi, frozen=True, kw_only=True):
    """What a picture shows, in English words."""

    task: str = "image-classification"
    model: str = "vision:labels"
    feature: str = "LABEL_DETECTION"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture, and at most `top_k` labels."""
        picture = pictured(ask)
        return self.annotate(picture, picture.wanted.top_k or MOST_RESULTS)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each label with its score."""
        labels = only_item(_REPLY, response.body).labels
        pairs = ((label.description, label.score) for label in labels)
        return Answer(classified(pairs, pictured(ask).wanted), Usage(images=1), self.model)


class DetectUnsafe(VisionApi, frozen=True, kw_only=True):
    """How likely a picture is adult, spoof, medical, violent or racy."""

    task: str = "image-classification"
    model: str = "vision:moderation"
    feature: str = "SAFE_SEARCH_DETECTION"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        return self.annotate(pictured(ask))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each kind with the score of its likelihood."""
        told = only_item(_REPLY, response.body).safe
        pairs = (
            (kind, LIKELIHOODS[word]) for kind, word in told.items() if isinstance(word, str) and word in LIKELIHOODS
        )
        return Answer(classified(pairs, pictured(ask).wanted), Usage(images=1), self.model)
