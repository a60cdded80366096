"""Image classification: one picture in, labels with scores out, best first.

Source: Hugging Face task specification `image-classification` (input.json, output.json).
"""

from typing import Annotated

from msgspec import Meta, Struct

from headworks.contract.image import Image

NAME = "image-classification"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """How many labels to answer with; the model's choice unless said."""

    top_k: Annotated[int, Meta(ge=1, le=1000)] | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One picture."""

    inputs: Image
    parameters: Parameters | None = None


class Label(Struct, frozen=True, forbid_unknown_fields=True):
    """One label and how sure the model is, 0 to 1."""

    label: str
    score: float


Reply = list[Label]
