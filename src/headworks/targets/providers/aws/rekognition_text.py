"""Amazon Rekognition DetectText as OCR. Source: service model rekognition 2016-06-27."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.targets.providers.asked import pictured
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.aws.lines import LINE, lines_read
from headworks.targets.providers.aws.pixels import Geometry
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Text(Struct, frozen=True, rename="pascal"):
    detected_text: str
    type: str
    confidence: float
    geometry: Geometry


class _Reply(Struct, frozen=True, rename="pascal"):
    text_detections: list[_Text]


_REPLY = msgspec.json.Decoder(_Reply)


class DetectText(Json11, frozen=True, kw_only=True):
    """The lines of text in a picture of the world: signs, shirts, screens; up to a hundred words."""

    task: str = "ocr"
    model: str = "rekognition:text"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        return posted("RekognitionService.DetectText", {"Image": {"Bytes": pictured(ask).data}})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each line; its words are left out."""
        found = [one for one in decoded(_REPLY, response.body).text_detections if one.type == LINE]
        return lines_read(((one.detected_text, one.confidence, one.geometry) for one in found), ask, self.model)
