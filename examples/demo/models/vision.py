"""Vision: what an image shows, and where the faces in it are."""

import json
import math

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

import headworks
from headworks import tasks

from .boxes import faces_in
from .places import MODELS

SIDE = 224
FACE_THRESHOLD = 0.5
# The detector halves five times, so its input is a multiple of 32; larger images are shrunk to this.
LONGEST_SIDE = 640
STEP = 32


def session(name: str) -> onnxruntime.InferenceSession:
    """A prepared model on one thread: replicas, not threads, use the other cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(MODELS / name, options, providers=["CPUExecutionProvider"])


class ClassifyImage(headworks.Model):
    """One of the thousand ImageNet labels, by EfficientNet-Lite0."""

    examples = [tasks.image_classification.Request(inputs=Image.new("RGB", (SIDE, SIDE), "orange"))]

    def load(self) -> None:
        self.network = session("efficientnet-lite0.onnx")
        self.labels: list[str] = json.loads((MODELS / "imagenet-labels.json").read_text())

    def predict(self, batch: list[tasks.image_classification.Request]) -> list[tasks.image_classification.Reply]:
        pixels = np.stack([classifier_pixels(call.inputs) for call in batch])
        (shares,) = self.network.run(["probabilities"], {"pixels": pixels})
        return [self.best(row, call) for row, call in zip(shares, batch, strict=True)]

    def best(
        self, shares: NDArray[np.float32], call: tasks.image_classification.Request
    ) -> tasks.image_classification.Reply:
        """The best labels, five of them unless the caller says otherwise."""
        top_k = (call.parameters.top_k if call.parameters else None) or 5
        ranked = np.argsort(-shares)[:top_k]
        return [tasks.image_classification.Label(label=self.labels[i], score=float(shares[i])) for i in ranked]


def classifier_pixels(image: Image.Image) -> NDArray[np.float32]:
    """The middle seven eighths of the image, as the network was trained on them. Shapes: (3, 224, 224)."""
    middle = ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.BICUBIC, bleed=1 / 16)
    pixels = (np.asarray(middle, np.float32) - np.float32(127)) / np.float32(128)
    return pixels.transpose(2, 0, 1)


class DetectFaces(headworks.Model):
    """Boxes around faces, by CenterFace."""

    examples = [tasks.object_detection.Request(inputs=Image.new("RGB", (320, 320)))]

    def load(self) -> None:
        self.network = session("centerface.onnx")

    def predict(self, request: tasks.object_detection.Request) -> tasks.object_detection.Reply:
        image = request.inputs
        asked = request.parameters.threshold if request.parameters else None
        width, height = detector_size(image.width, image.height)
        pixels = np.asarray(image.resize((width, height)), np.float32).transpose(2, 0, 1)[None]
        heat, sizes, offsets, _ = self.network.run(None, {"input.1": pixels})

        scale = (image.width / width, image.height / height)
        found = faces_in(heat[0, 0], sizes[0], offsets[0], FACE_THRESHOLD if asked is None else asked)
        return [face(box * (*scale, *scale), score, image) for box, score in found]


def detector_size(width: int, height: int) -> tuple[int, int]:
    """The size to show the detector: about the image's shape, bounded, in whole steps."""
    shrink = min(1.0, LONGEST_SIDE / max(width, height))
    return math.ceil(width * shrink / STEP) * STEP, math.ceil(height * shrink / STEP) * STEP


def face(box: NDArray[np.float32], score: float, image: Image.Image) -> tasks.object_detection.Detection:
    """One face in the reply's terms: whole pixels, inside the image."""
    xmin, ymin, xmax, ymax = (round(float(edge)) for edge in box)
    inside = tasks.object_detection.Box(
        xmin=max(0, xmin), ymin=max(0, ymin), xmax=min(image.width, xmax), ymax=min(image.height, ymax)
    )
    return tasks.object_detection.Detection(label="face", score=score, box=inside)
