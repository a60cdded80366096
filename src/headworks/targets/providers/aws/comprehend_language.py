"""Amazon Comprehend DetectDominantLanguage as text classification. Source: service model comprehend 2017-11-27."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.targets.providers.asked import asked
from headworks.targets.providers.aws.comprehend_sentiment import BILLED_LEAST, BILLED_UNIT
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.labels import classified
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Language(Struct, frozen=True, rename="pascal"):
    language_code: str
    score: float


class _Reply(Struct, frozen=True, rename="pascal"):
    languages: list[_Language] = []


_REPLY = msgspec.json.Decoder(_Reply)


class DetectDominantLanguage(Json11, frozen=True, kw_only=True):
    """The languages of a text as labels: their tags (BCP 47)."""

    task: str = "text-classification"
    model: str = "comprehend:language"

    def request(self, ask: Ask) -> HttpRequest:
        """One text."""
        return posted("Comprehend_20171127.DetectDominantLanguage", {"Text": asked(ask).inputs})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each language with the service's confidence."""
        languages = decoded(_REPLY, response.body).languages
        row = asked(ask)
        document = classified(((one.language_code, one.score) for one in languages), row.wanted)
        return Answer(document, Usage(characters=billed_characters(row.inputs, BILLED_UNIT, BILLED_LEAST)), self.model)
