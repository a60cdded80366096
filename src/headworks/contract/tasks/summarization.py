"""Summarization: one text in, a shorter one that says the same out.

Source: Hugging Face task specification `summarization` (input.json, output.json); bounds are words.
"""

from typing import Annotated

from msgspec import Meta, Struct

NAME = "summarization"

Words = Annotated[int, Meta(ge=1, le=100_000)]


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the summary may be and should be at least, in words; a wish that models keep roughly."""

    max_length: Words | None = None
    min_length: Words | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One text."""

    inputs: Annotated[str, Meta(min_length=1, max_length=1_000_000)]
    parameters: Parameters | None = None


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """The summary."""

    summary_text: str
