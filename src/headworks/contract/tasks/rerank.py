"""Rerank: a query and texts in, the texts by how well they answer it out, best first.

Source: Text Embeddings Inference, `POST /rerank`; `top_n` as at Cohere.
"""

from typing import Annotated

from msgspec import Meta, Struct

NAME = "rerank"

Text = Annotated[str, Meta(min_length=1, max_length=1_000_000)]


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for, where, and how many of the best to answer with; all of them unless said."""

    query: Annotated[str, Meta(min_length=1, max_length=100_000)]
    texts: Annotated[list[Text], Meta(min_length=1, max_length=10_000)]
    top_n: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    return_text: bool = False


class Ranked(Struct, frozen=True, forbid_unknown_fields=True):
    """One text by its place in the request; a higher score is a better fit, on the model's own scale."""

    index: Annotated[int, Meta(ge=0)]
    score: float
    text: str | None = None


Reply = list[Ranked]
