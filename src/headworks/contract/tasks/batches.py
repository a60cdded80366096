"""Batches of calls that a provider works off within a day: begun, listed, looked at, cancelled.

Source: OpenAI API, `/v1/batches`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headworks.contract.tasks.keeping import Id, Limit, Reply

__all__ = ["NAME", "Body", "Reply", "Request"]

NAME = "batches"


class Body(Struct, frozen=True):
    """What a batch is made of; further fields are the provider's own."""

    input_file_id: Id
    endpoint: Annotated[str, Meta(pattern="^/[a-z0-9_/-]{1,64}$")]
    completion_window: Annotated[str, Meta(pattern="^[0-9]{1,4}[mhd]$")]


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What to do: `create` needs `body`, `list` reads `after` and `limit`, all others need `id`."""

    action: Literal["create", "list", "retrieve", "cancel"]
    id: Id | None = None
    body: Body | None = None
    after: Id | None = None
    limit: Limit | None = None
