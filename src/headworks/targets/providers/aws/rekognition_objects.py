"""Amazon Rekognition DetectLabels (instances with boxes) and DetectFaces as object detection.

Source: service model rekognition 2016-06-27.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks.object_detection import Detection
from headworks.costs import Usage
from headworks.targets.providers.asked import pictured
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.aws.pixels import PERCENT, BoundingBox
from headworks.targets.providers.boxes import Frame, detected
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

FACE = "face"


class _Instance(Struct, frozen=True, rename="pascal"):
    bounding_box: BoundingBox
    confidence: float


class _Label(Struct, frozen=True, rename="pascal"):
    name: str
    instances: list[_Instance] = []


class _Reply(Struct, frozen=True, rename="pascal"):
    labels: list[_Label] = []
    face_details: list[_Instance] = []


_REPLY = msgspec.json.Decoder(_Reply)


class DetectObjects(Json11, frozen=True, kw_only=True):
    """Every instance that the service gives a box; labels of the whole picture are left out."""

    task: str = "object-detection"
    model: str = "rekognition:objects"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture; the threshold is the service's too, which else keeps back what is below 55 %."""
        picture = pictured(ask)
        least = {} if picture.wanted.threshold is None else {"MinConfidence": picture.wanted.threshold * PERCENT}
        return posted("RekognitionService.DetectLabels", {"Image": {"Bytes": picture.data}, **least})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each instance under its label."""
        told = decoded(_REPLY, response.body)
        picture = pictured(ask)
        frame = Frame(*picture.head.upright)
        named = [(label.name, one) for label in told.labels for one in label.instances]
        named += [(FACE, one) for one in told.face_details]
        found = [Detection(name, one.confidence / PERCENT, one.bounding_box.box(frame)) for name, one in named]
        return Answer(detected(found, picture.wanted), Usage(images=1), self.model)


class DetectFaces(DetectObjects, frozen=True, kw_only=True):
    """Faces, all labelled `face`; nothing of who or how they are is asked for."""

    model: str = "rekognition:faces"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        return posted("RekognitionService.DetectFaces", {"Image": {"Bytes": pictured(ask).data}})
