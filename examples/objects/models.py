"""What things a picture shows, and where: `detect-objects`."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import headworks
from headworks.tasks import object_detection as od

PREPARED = Path(__file__).resolve().parents[2] / ".demo" / "models"
# The network takes pictures of this size and no other, and gives its boxes in the same pixels.
SIDE = 512
THRESHOLD = 0.4
# Of two boxes of one kind that overlap more than this, only the better one is told.
OVERLAP = 0.4


class DetectObjects(headworks.Model):
    """Boxes around things of 80 everyday kinds, by MobileNetV3-CenterNet."""

    examples = [od.Request(inputs=Image.new("RGB", (SIDE, SIDE)))]

    def load(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = PREPARED / "centernet.onnx"
        self.network = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.labels: list[str] = json.loads((PREPARED / "coco-labels.json").read_text())

    def predict(self, request: od.Request) -> od.Reply:
        image = request.inputs
        asked = request.parameters.threshold if request.parameters else None
        pixels = np.asarray(image.resize((SIDE, SIDE)), np.float32)[None]
        ((rows,),) = self.network.run(None, {self.network.get_inputs()[0].name: pixels})

        scale = (image.width / SIDE, image.height / SIDE)
        found = [self.thing(row, scale, image) for row in rows if row[4] > (THRESHOLD if asked is None else asked)]
        return apart(found)

    def thing(self, row: np.ndarray, scale: tuple[float, float], image: Image.Image) -> od.Detection:
        """One row of the network, xmin, ymin, xmax, ymax, score and kind, in whole pixels inside the image."""
        x, y = scale
        box = od.Box(
            xmin=max(0, round(float(row[0]) * x)),
            ymin=max(0, round(float(row[1]) * y)),
            xmax=min(image.width, round(float(row[2]) * x)),
            ymax=min(image.height, round(float(row[3]) * y)),
        )
        return od.Detection(label=self.labels[int(row[5])], score=float(row[4]), box=box)


def apart(found: list[od.Detection]) -> list[od.Detection]:
    """Best first, without those that a better one of the same kind covers."""
    kept: list[od.Detection] = []
    for one in sorted(found, key=lambda one: -one.score):
        if all(one.label != other.label or shared(one.box, other.box) < OVERLAP for other in kept):
            kept.append(one)
    return kept


def shared(a: od.Box, b: od.Box) -> float:
    """Intersection over union: 0 apart, 1 the same."""
    width = max(0, min(a.xmax, b.xmax) - max(a.xmin, b.xmin))
    height = max(0, min(a.ymax, b.ymax) - max(a.ymin, b.ymin))
    union = area(a) + area(b) - width * height
    return width * height / union if union else 0.0


def area(box: od.Box) -> int:
    return (box.xmax - box.xmin) * (box.ymax - box.ymin)
