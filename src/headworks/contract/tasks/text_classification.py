"""Text classification: one text in, labels with scores out, best first.

Source: Hugging Face task specification `text-classification` (input.json, output.json).
"""

from typing import Annotated

from msgspec import Meta, Struct

NAME = "text-classification"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """How many labels to answer with; all of them unless said."""

    top_k: Annotated[int, Meta(ge=1, le=1000)] | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One text."""

    inputs: Annotated[str, Meta(min_length=1, max_length=100_000)]
    parameters: Parameters | None = None


class Label(Struct, frozen=True, forbid_unknown_fields=True):
    """One label and how sure the model is, 0 to 1."""

    label: str
    score: float


Reply = list[Label]
