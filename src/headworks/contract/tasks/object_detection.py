"""Object detection: one picture in, boxes with labels and scores out.

Source: Hugging Face task specification `object-detection` (input.json, output.json).
"""

from typing import Annotated

from msgspec import Meta, Struct

from headworks.contract.image import Image

NAME = "object-detection"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The least score a detection must have; the model's choice unless said."""

    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One picture."""

    inputs: Image
    parameters: Parameters | None = None


class Box(Struct, frozen=True, forbid_unknown_fields=True):
    """A rectangle in absolute pixels of the picture as shown upright, origin top left."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int


class Detection(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing seen: what, how sure (0 to 1) and where."""

    label: str
    score: float
    box: Box


Reply = list[Detection]
