"""Places in a picture: from a service's ratios or corners to whole pixels of the picture as shown upright."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from headworks.contract.tasks.object_detection import Box, Detection
from headworks.contract.tasks.ocr import Line, Point
from headworks.targets.providers.asked import Parameters

_encode = msgspec.json.Encoder().encode


class Frame(Struct, frozen=True):
    """The picture that ratios refer to. Units: pixels, upright."""

    width: int
    height: int

    def point(self, x: float, y: float) -> Point:
        """A place given in pixels, moved to the nearest whole pixel edge inside the picture."""
        return Point(round(min(max(x, 0), self.width)), round(min(max(y, 0), self.height)))

    def ratio(self, x: float, y: float) -> Point:
        """A place given as parts of width and height."""
        return self.point(x * self.width, y * self.height)


def around(corners: Sequence[Point]) -> Box:
    """The upright box around some places."""
    across, down = [corner.x for corner in corners], [corner.y for corner in corners]
    return Box(min(across), min(down), max(across), max(down))


def detected(found: Iterable[Detection], wanted: Parameters) -> bytes:
    """The reply of object detection: surest first, none below the threshold."""
    least = wanted.threshold or 0.0
    return _encode(sorted((one for one in found if one.score >= least), key=lambda one: (-one.score, one.label)))


def read(found: Iterable[Line], wanted: Parameters) -> bytes:
    """The reply of OCR: in the service's reading order, none below the threshold."""
    least = wanted.threshold or 0.0
    return _encode([line for line in found if line.score >= least])
