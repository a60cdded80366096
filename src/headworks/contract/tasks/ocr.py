"""Optical character recognition: one picture in, the lines of text it shows out, in reading order.

Source: our own shape; no standard task covers it.
"""

from typing import Annotated

from msgspec import Meta, Struct

from headworks.contract.image import Image
from headworks.contract.tasks.object_detection import Box

NAME = "ocr"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The least score a line must have; the model's choice unless said."""

    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One picture."""

    inputs: Image
    parameters: Parameters | None = None


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """A place in absolute pixels of the picture as shown upright, origin top left."""

    x: int
    y: int


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of text: what it says, how sure the model is (0 to 1), and where it stands.

    `polygon` goes round the text, from its own top left corner clockwise; `box` is upright around it.
    """

    text: str
    score: float
    box: Box
    polygon: list[Point]


Reply = list[Line]
