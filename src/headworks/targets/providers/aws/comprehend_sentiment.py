"""Amazon Comprehend DetectSentiment as text classification. Source: service model comprehend 2017-11-27."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.targets.providers.asked import asked
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.labels import classified
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

LABELS = ("positive", "negative", "neutral", "mixed")
BILLED_UNIT, BILLED_LEAST = 100, 300


class _Scores(Struct, frozen=True, rename="pascal"):
    positive: float
    negative: float
    neutral: float
    mixed: float


class _Reply(Struct, frozen=True, rename="pascal"):
    sentiment_score: _Scores


_REPLY = msgspec.json.Decoder(_Reply)


class DetectSentiment(Json11, frozen=True, kw_only=True):
    """The four sentiments with the service's own confidence in each."""

    task: str = "text-classification"
    model: str = "comprehend:sentiment"
    language: str = "en"

    def request(self, ask: Ask) -> HttpRequest:
        """One text in the configured language."""
        body = {"Text": asked(ask).inputs, "LanguageCode": self.language}
        return posted("Comprehend_20171127.DetectSentiment", body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Every score under its lower-case name."""
        scores = decoded(_REPLY, response.body).sentiment_score
        row = asked(ask)
        document = classified(((label, getattr(scores, label)) for label in LABELS), row.wanted)
        return Answer(document, Usage(characters=billed_characters(row.inputs, BILLED_UNIT, BILLED_LEAST)), self.model)
