"""Amazon Textract DetectDocumentText as OCR. Source: service model textract 2018-06-27."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.targets.providers.asked import pictured
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.aws.lines import LINE, lines_read
from headworks.targets.providers.aws.pixels import Geometry
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Block(Struct, frozen=True, rename="pascal"):
    block_type: str
    geometry: Geometry
    confidence: float = 0.0
    text: str = ""


class _Reply(Struct, frozen=True, rename="pascal"):
    blocks: list[_Block]


_REPLY = msgspec.json.Decoder(_Reply)


class DetectDocumentText(Json11, frozen=True, kw_only=True):
    """The lines of a page, printed or by hand."""

    task: str = "ocr"
    model: str = "textract:text"

    def request(self, ask: Ask) -> HttpRequest:
        """One page."""
        return posted("Textract.DetectDocumentText", {"Document": {"Bytes": pictured(ask).data}})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each line; pages and words are left out."""
        found = [block for block in decoded(_REPLY, response.body).blocks if block.block_type == LINE]
        return lines_read(((block.text, block.confidence, block.geometry) for block in found), ask, self.model)
