"""Turns the packaged image networks into files that onnxruntime loads as they are."""

import json
from pathlib import Path

import onnx

from .efficientnet import efficientnet_lite0
from .pickled import read_checkpoint

# CenterFace was exported for one small size; these names let it take any. Every map has a quarter of the sides.
FACE_INPUT = ("images", 3, "height", "width")
FACE_MAP_CHANNELS = (1, 2, 2, 10)


def build_classifier(checkpoint: Path, to: Path) -> None:
    """Write EfficientNet-Lite0 as ONNX."""
    with checkpoint.open("rb") as file:
        onnx.save(efficientnet_lite0(read_checkpoint(file)), to)


def write_labels(names: Path, to: Path) -> None:
    """Write the thousand ImageNet labels in order, each by its first name."""
    by_number: dict[str, str] = json.loads(names.read_text())
    labels = [by_number[str(number)].split(",")[0] for number in range(len(by_number))]
    to.write_text(json.dumps(labels))


def free_face_detector(packaged: Path, to: Path) -> None:
    """Write CenterFace with free image sizes."""
    model = onnx.load(packaged)
    shapes = [FACE_INPUT, *(("images", channels, "rows", "columns") for channels in FACE_MAP_CHANNELS)]
    for value, shape in zip([model.graph.input[0], *model.graph.output], shapes, strict=True):
        for dimension, size in zip(value.type.tensor_type.shape.dim, shape, strict=True):
            if isinstance(size, str):
                dimension.dim_param = size
            else:
                dimension.dim_value = size
    onnx.save(model, to)
