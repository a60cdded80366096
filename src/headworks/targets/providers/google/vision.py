"""Google Cloud Vision images:annotate: one picture and one feature a call, an error of its own inside a 200.

Source: google.cloud.vision.v1. Places refer to the picture as shown upright.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct, field

from headworks.contract.tasks.ocr import Point
from headworks.errors import ProviderBroken
from headworks.targets.providers.asked import Pictured
from headworks.targets.providers.boxes import Frame
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.google.refusals import Status, inside
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import HttpRequest

MOST_RESULTS = 1000


class Vertex(Struct, frozen=True):
    """A corner, in pixels or as parts of width and height; 0 is left out on the wire."""

    x: float = 0.0
    y: float = 0.0


class Poly(Struct, frozen=True):
    """A polygon in one of the two forms."""

    vertices: list[Vertex] = []
    normalized: list[Vertex] = field(default_factory=list, name="normalizedVertices")

    def corners(self, frame: Frame) -> list[Point]:
        """The corners in pixels.

        Raises: ProviderBroken when there are none.
        """
        if self.normalized:
            return [frame.ratio(corner.x, corner.y) for corner in self.normalized]
        if not self.vertices:
            raise ProviderBroken(reason="a polygon without corners")
        return [frame.point(corner.x, corner.y) for corner in self.vertices]


class Item(Struct, frozen=True):
    """What every item of a reply may hold: its own error."""

    error: Status | None = None


T = TypeVar("T", bound=Item)


class VisionApi(JsonApi, frozen=True, kw_only=True):
    """A feature of the service."""

    feature: str

    def annotate(self, picture: Pictured, most: int | None = None) -> HttpRequest:
        """The request for one picture and this feature."""
        feature = {"type": self.feature} | ({"maxResults": most} if most else {})
        return posted(
            "/v1/images:annotate", {"requests": [{"image": {"content": picture.data}, "features": [feature]}]}
        )


def only_item(decoder: msgspec.json.Decoder[dict[str, list[T]]], body: bytes) -> T:
    """The one item of a reply.

    Raises: ProviderBroken when there is not exactly one; what its own error means.
    """
    items = decoded(decoder, body).get("responses", [])
    if len(items) != 1:
        raise ProviderBroken(reason=f"{len(items)} items for one picture")
    error = items[0].error
    if error is not None and error.code:
        raise inside(error)
    return items[0]
