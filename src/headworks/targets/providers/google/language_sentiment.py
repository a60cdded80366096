"""Google Natural Language analyzeSentiment as text classification. Source: google.cloud.language.v2."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from headworks.costs import Usage
from headworks.targets.providers.asked import asked
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.google.tone import labelled
from headworks.targets.providers.labels import classified
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

BILLED_UNIT = 1000


class _Sentiment(Struct, frozen=True):
    score: float = 0.0
    magnitude: float = 0.0


class _Reply(Struct, frozen=True):
    whole: _Sentiment = field(name="documentSentiment")
    sentences: list[Struct] = []


_REPLY = msgspec.json.Decoder(_Reply)


class AnalyzeSentiment(JsonApi, frozen=True, kw_only=True):
    """The tone of a text as the four labels."""

    task: str = "text-classification"
    model: str = "language:sentiment"

    def request(self, ask: Ask) -> HttpRequest:
        """One text; its language is detected."""
        document = {"type": "PLAIN_TEXT", "content": asked(ask).inputs}
        return posted("/v2/documents:analyzeSentiment", {"document": document, "encodingType": "UTF32"})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The labels by the scale of `tone`."""
        told = decoded(_REPLY, response.body)
        row = asked(ask)
        labels = labelled(told.whole.score, told.whole.magnitude, len(told.sentences))
        usage = Usage(characters=billed_characters(row.inputs, BILLED_UNIT, BILLED_UNIT))
        return Answer(classified(labels, row.wanted), usage, self.model)
