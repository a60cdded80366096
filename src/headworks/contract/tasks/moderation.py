"""Moderation: texts or pictures in, what is harmful in each out.

Names of categories are the target's own; the request and the reply are open for a vendor's own fields.
Source: OpenAI API, `POST /v1/moderations`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from headworks.contract.tasks.chat import ImagePart, TextPart

NAME = "moderation"

Text = Annotated[str, Meta(min_length=1, max_length=1_000_000)]


class Request(Struct, frozen=True):
    """One text, several, or texts and pictures that are judged together."""

    input: Text | Annotated[list[Text | TextPart | ImagePart], Meta(min_length=1, max_length=1000)]


class Verdict(Struct, frozen=True):
    """What was found in one input: whether anything, which categories, and how sure (0 to 1)."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]


class Reply(Struct, frozen=True):
    """One verdict an input, in the order asked."""

    id: str
    model: str
    results: Annotated[list[Verdict], Meta(min_length=1)]
