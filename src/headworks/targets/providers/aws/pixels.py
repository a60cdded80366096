"""Places as Rekognition and Textract tell them: parts of the width and height of the picture as shown upright.

Source: service models rekognition 2016-06-27 and textract 2018-06-27; both turn a JPEG by its Exif orientation first.
"""

from __future__ import annotations

from msgspec import Struct

from headworks.contract.tasks.object_detection import Box
from headworks.contract.tasks.ocr import Point
from headworks.targets.providers.boxes import Frame, around

PERCENT = 100.0
"""Confidence is told in percent."""


class BoundingBox(Struct, frozen=True, rename="pascal"):
    """A rectangle; it may reach beyond the picture."""

    left: float
    top: float
    width: float
    height: float

    def box(self, frame: Frame) -> Box:
        """The rectangle in pixels, cut at the picture's edges."""
        return around((frame.ratio(self.left, self.top), frame.ratio(self.left + self.width, self.top + self.height)))


class Corner(Struct, frozen=True, rename="pascal"):
    """One point of a polygon."""

    x: float
    y: float


class Geometry(Struct, frozen=True, rename="pascal"):
    """A rectangle and the finer polygon inside it."""

    bounding_box: BoundingBox
    polygon: list[Corner]

    def corners(self, frame: Frame) -> list[Point]:
        """The polygon in pixels."""
        return [frame.ratio(corner.x, corner.y) for corner in self.polygon]
