"""Embeddings: texts in, one vector each out, in the order asked.

The request is open: a field that is not named here is handed to a target that speaks the same dialect.
Source: OpenAI API, `POST /v1/embeddings`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

NAME = "embeddings"

Text = Annotated[str, Meta(min_length=1, max_length=1_000_000)]
Tokens = Annotated[list[Annotated[int, Meta(ge=0)]], Meta(min_length=1, max_length=100_000)]


class Request(Struct, frozen=True):
    """One text, several, or the same as tokens of the model."""

    input: Text | Annotated[list[Text | Annotated[int, Meta(ge=0)] | Tokens], Meta(min_length=1, max_length=100_000)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    user: Annotated[str, Meta(max_length=1000)] | None = None


class Embedding(Struct, frozen=True):
    """The vector of one input: numbers, or base64 of little-endian 32-bit floats where that was asked."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Spent(Struct, frozen=True):
    """Tokens read."""

    prompt_tokens: int
    total_tokens: int


class Reply(Struct, frozen=True, omit_defaults=True):
    """Every vector, and what it cost."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Spent | None = None
