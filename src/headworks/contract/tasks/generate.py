"""Generate: the beginning of a text in, how it goes on out.

Source: Hugging Face task specification `text-generation` (input.json, output.json).
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

NAME = "generate"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """How to go on; the model's choice unless said."""

    max_new_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=10)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    stop: Annotated[list[Annotated[str, Meta(min_length=1, max_length=1000)]], Meta(max_length=16)] | None = None
    seed: Annotated[int, Meta(ge=0)] | None = None
    return_full_text: bool = False


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One beginning."""

    inputs: Annotated[str, Meta(min_length=1, max_length=4_000_000)]
    parameters: Parameters | None = None


class Reply(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What follows, with the beginning before it where that was asked; why it ended where the target says."""

    generated_text: str
    finish_reason: Literal["length", "eos_token", "stop_sequence"] | None = None
