"""Files that a provider keeps for its callers: put there, listed, looked at, fetched, deleted.

One document says what is to be done, so that every way in asks the same. Who owns a file is decided where the call runs.
Source: OpenAI API, `/v1/files`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headworks.contract.tasks.keeping import Id, Limit, Reply

__all__ = ["NAME", "ExpiresAfter", "Reply", "Request"]

NAME = "files"


class ExpiresAfter(Struct, frozen=True, forbid_unknown_fields=True):
    """When the provider deletes a file by itself."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=1, le=31_536_000)]


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What to do: `create` needs `file` and `purpose`, `list` reads `after`, `limit`, `order` and `purpose`, all others need `id`."""

    action: Literal["create", "list", "retrieve", "content", "delete"]
    id: Id | None = None
    file: Annotated[bytes, Meta(description="The file's content")] | None = None
    filename: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    purpose: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,64}$")] | None = None
    expires_after: ExpiresAfter | None = None
    after: Id | None = None
    limit: Limit | None = None
    order: Literal["asc", "desc"] | None = None
