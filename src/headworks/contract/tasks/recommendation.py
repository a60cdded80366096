"""Recommendation: a user in, the items this user may like best out, best first: at once, or streamed one by one.

Source: our own shape; no standard task covers it.
"""

from typing import Annotated

from msgspec import Meta, Struct

NAME = "recommendation"

Id = Annotated[str, Meta(min_length=1, max_length=200)]


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to recommend to, how many items, and which items to leave out."""

    user: Id
    k: Annotated[int, Meta(ge=1, le=100)] = 10
    exclude: Annotated[list[Id], Meta(max_length=10_000)] = []


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """One item; a higher score is a better fit, on the model's own scale."""

    item: str
    title: str | None
    score: float


Reply = list[Item]
Event = Item
