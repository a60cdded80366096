"""Lines of text in a picture, as Rekognition and Textract tell them: the words, how sure, and where."""

from __future__ import annotations

from collections.abc import Iterable

from headworks.contract.tasks.ocr import Line
from headworks.costs import Usage
from headworks.targets.providers.asked import pictured
from headworks.targets.providers.aws.pixels import PERCENT, Geometry
from headworks.targets.providers.boxes import Frame, read
from headworks.targets.providers.wire import Answer, Ask

LINE = "LINE"
"""What both call a line, beside words and pages."""


def lines_read(found: Iterable[tuple[str, float, Geometry]], ask: Ask, model: str) -> Answer:
    """The lines in pixels of the upright picture, those above the threshold that was asked for."""
    picture = pictured(ask)
    frame = Frame(*picture.head.upright)
    lines = [Line(text, sure / PERCENT, at.bounding_box.box(frame), at.corners(frame)) for text, sure, at in found]
    return Answer(read(lines, picture.wanted), Usage(images=1), model)
