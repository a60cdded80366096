"""Speech to text: sound in, the words said in it out.

Source: Hugging Face task specification `automatic-speech-recognition` (input.json, output.json); hints as OpenAI has them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

NAME = "speech-to-text"


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether to tell when what was said, in stretches or word by word, the language (ISO 639-1) where it is known, and hints: words that occur, how freely to guess."""

    return_timestamps: bool | Literal["word"] = False
    language: Annotated[str, Meta(min_length=2, max_length=35)] | None = None
    prompt: Annotated[str, Meta(max_length=10_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One recording: base64 in JSON, or a file."""

    inputs: Annotated[bytes, Meta(extra_json_schema={"contentMediaType": "audio/*"})]
    parameters: Parameters | None = None


class Chunk(Struct, frozen=True, forbid_unknown_fields=True):
    """What was said from when to when, in seconds."""

    text: str
    timestamp: tuple[float, float]


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """All that was said, and in parts where that was asked."""

    text: str
    chunks: list[Chunk] | None = None
