"""Text to speech: a text in, its sound out.

Source: Hugging Face task specification `text-to-speech`; voice, format and speed as OpenAI has them; the sound stands in
JSON, so that every target answers in one shape.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

NAME = "text-to-speech"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """How to say it; the target's choice unless said."""

    voice: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: Annotated[float, Meta(ge=0.25, le=4)] | None = None
    instructions: Annotated[str, Meta(max_length=10_000)] | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One text."""

    inputs: Annotated[str, Meta(min_length=1, max_length=100_000)]
    parameters: Parameters | None = None


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """The sound, base64, and its media type."""

    audio: bytes
    media_type: Annotated[str, Meta(pattern=r"^audio/")]
