"""Amazon Comprehend DetectToxicContent and Rekognition DetectModerationLabels as moderation.

Source: service models comprehend 2017-11-27 and rekognition 2016-06-27.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.aws.comprehend_sentiment import BILLED_LEAST, BILLED_UNIT
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.aws.pixels import PERCENT
from headworks.targets.providers.moderating import judged, picture_to_judge, texts_to_judge, verdict
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

MOST_TEXTS = 10


class _Toxic(Struct, frozen=True, rename="pascal"):
    name: str
    score: float


class _Toxics(Struct, frozen=True, rename="pascal"):
    labels: list[_Toxic]


class _Unsafe(Struct, frozen=True, rename="pascal"):
    name: str
    confidence: float


class _Texts(Struct, frozen=True, rename="pascal"):
    result_list: list[_Toxics]


class _Picture(Struct, frozen=True, rename="pascal"):
    moderation_labels: list[_Unsafe]


_TEXTS = msgspec.json.Decoder(_Texts)
_PICTURE = msgspec.json.Decoder(_Picture)


class DetectToxicContent(Json11, frozen=True, kw_only=True):
    """What is toxic in each of up to ten texts."""

    task: str = "moderation"
    model: str = "comprehend:toxicity"
    language: str = "en"

    def request(self, ask: Ask) -> HttpRequest:
        """The texts.

        Raises: ProviderUnable for pictures and for more than ten texts.
        """
        texts = [{"Text": text} for text in texts_to_judge(ask, MOST_TEXTS)]
        body = {"TextSegments": texts, "LanguageCode": self.language}
        return posted("Comprehend_20171127.DetectToxicContent", body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """One verdict a text.

        Raises: ProviderBroken when there are not as many.
        """
        texts = texts_to_judge(ask, MOST_TEXTS)
        told = decoded(_TEXTS, response.body).result_list
        if len(told) != len(texts):
            raise ProviderBroken(reason=f"{len(told)} verdicts of {len(texts)} texts")
        verdicts = [verdict({label.name: label.score for label in one.labels}) for one in told]
        usage = Usage(characters=billed_characters("".join(texts), BILLED_UNIT, BILLED_LEAST))
        return Answer(judged(verdicts, self.model), usage, self.model)


class JudgePicture(Json11, frozen=True, kw_only=True):
    """What is unwanted in one picture."""

    task: str = "moderation"
    model: str = "rekognition:moderation"

    def request(self, ask: Ask) -> HttpRequest:
        """The picture.

        Raises: ProviderUnable for texts and for several pictures.
        """
        return posted("RekognitionService.DetectModerationLabels", {"Image": {"Bytes": picture_to_judge(ask)}})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """One verdict; the service tells what it is at least half sure of."""
        found = decoded(_PICTURE, response.body).moderation_labels
        scores = {one.name: one.confidence / PERCENT for one in found}
        return Answer(judged([verdict(scores)], self.model), Usage(images=1), self.model)
