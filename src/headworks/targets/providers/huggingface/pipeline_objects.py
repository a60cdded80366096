"""The pipeline object-detection. Source: Hugging Face task specification of this name.

Boxes are pixels of the picture as shown upright: pipelines turn it by its Exif orientation when they open it.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks.object_detection import Detection
from headworks.costs import Usage
from headworks.targets.providers.asked import pictured
from headworks.targets.providers.boxes import Frame, around, detected
from headworks.targets.providers.huggingface.pipeline import Pipeline
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Box(Struct, frozen=True):
    xmin: float
    ymin: float
    xmax: float
    ymax: float


class _Detection(Struct, frozen=True):
    label: str
    score: float
    box: _Box


_REPLY = msgspec.json.Decoder(list[_Detection])


class Objects(Pipeline, frozen=True, kw_only=True):
    """Things with their boxes."""

    task: str = "object-detection"

    def request(self, ask: Ask) -> HttpRequest:
        """One picture."""
        picture = pictured(ask)
        return self.posted_picture(picture, {"threshold": picture.wanted.threshold})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each thing, its box rounded and kept inside the picture."""
        picture = pictured(ask)
        frame = Frame(*picture.head.upright)
        found = [
            Detection(
                self.labels.get(one.label, one.label),
                one.score,
                around((frame.point(one.box.xmin, one.box.ymin), frame.point(one.box.xmax, one.box.ymax))),
            )
            for one in decoded(_REPLY, response.body)
        ]
        return Answer(detected(found, picture.wanted), Usage(images=1), self.model)
