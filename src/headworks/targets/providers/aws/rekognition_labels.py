"""Amazon Rekognition DetectLabels and DetectModerationLabels as image classification.

Source: service model rekognition 2016-06-27.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.targets.providers.asked import pictured
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.aws.pixels import PERCENT
from headworks.targets.providers.labels import classified
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Label(Struct, frozen=True, rename="pascal"):
    name: str
    confidence: float


class _Reply(Struct, frozen=True, rename="pascal"):
    labels: list[_Label] = []
    moderation_labels: list[_Label] = []


_REPLY = msgspec.json.Decoder(_Reply)


class DetectLabels(Json11, frozen=True, kw_only=True):
    """What a picture shows."""

    task: str = "image-classification"
    model: str = "rekognition:labels"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture, and at most `top_k` labels."""
        picture = pictured(ask)
        most = {"MaxLabels": picture.wanted.top_k} if picture.wanted.top_k else {}
        return posted("RekognitionService.DetectLabels", {"Image": {"Bytes": picture.data}, **most})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each label with its confidence."""
        told = decoded(_REPLY, response.body)
        pairs = ((one.name, one.confidence / PERCENT) for one in (*told.labels, *told.moderation_labels))
        return Answer(classified(pairs, pictured(ask).wanted), Usage(images=1), self.model)


class DetectModerationLabels(DetectLabels, frozen=True, kw_only=True):
    """What of a picture may be unwanted, on every level of the vendor's taxonomy; nothing where nothing is."""

    model: str = "rekognition:moderation"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        return posted("RekognitionService.DetectModerationLabels", {"Image": {"Bytes": pictured(ask).data}})
