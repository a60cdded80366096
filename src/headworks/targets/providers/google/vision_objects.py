"""Google Cloud Vision objects and faces as object detection. Source: google.cloud.vision.v1."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from headworks.contract.tasks.object_detection import Detection
from headworks.costs import Usage
from headworks.targets.providers.asked import pictured
from headworks.targets.providers.boxes import Frame, around, detected
from headworks.targets.providers.google.vision import MOST_RESULTS, Item, Poly, VisionApi, only_item
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

FACE = "face"


class _Object(Struct, frozen=True):
    name: str
    poly: Poly = field(name="boundingPoly")
    score: float = 0.0


class _Face(Struct, frozen=True):
    poly: Poly = field(name="fdBoundingPoly")
    score: float = field(default=0.0, name="detectionConfidence")
    name: str = FACE


class _Objects(Item, frozen=True):
    objects: list[_Object] = field(default_factory=list, name="localizedObjectAnnotations")
    faces: list[_Face] = field(default_factory=list, name="faceAnnotations")


_REPLY = msgspec.json.Decoder(dict[str, list[_Objects]])


class DetectObjects(VisionApi, frozen=True, kw_only=True):
    """Things with their boxes; with feature FACE_DETECTION faces (the box of the skin), all labelled `face`."""

    task: str = "object-detection"
    model: str = "vision:objects"
    feature: str = "OBJECT_LOCALIZATION"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        return self.annotate(pictured(ask), MOST_RESULTS)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each thing, its polygon turned into the box around it."""
        picture = pictured(ask)
        frame = Frame(*picture.head.upright)
        item = only_item(_REPLY, response.body)
        told: list[_Object | _Face] = [*item.objects, *item.faces]
        found = [Detection(one.name, one.score, around(one.poly.corners(frame))) for one in told]
        return Answer(detected(found, picture.wanted), Usage(images=1), self.model)
