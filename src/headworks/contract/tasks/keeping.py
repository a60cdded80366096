"""What the tasks share whose provider keeps something for its callers: files, batches, fine-tuning jobs."""

from typing import Annotated, Any

from msgspec import Meta, Struct

ID = "^[A-Za-z0-9_-]{1,64}$"
"""What names a thing at a provider; it stands in paths, so nothing else may be in it."""

Id = Annotated[str, Meta(pattern=ID)]
Limit = Annotated[int, Meta(ge=1, le=10_000)]

KEPT = frozenset({"files", "batches", "fine-tuning", "stored-responses"})
"""The tasks; of their endpoints there is one each, for their paths name none."""


class Reply(Struct, frozen=True):
    """One thing, a list of them, or that one is gone; in the provider's words."""

    id: str | None = None
    object: str | None = None
    data: list[dict[str, Any]] | None = None
    has_more: bool | None = None
