"""Jobs that adapt a provider's model to one's own examples: begun, listed, looked at, followed, stopped.

Source: OpenAI API, `/v1/fine_tuning/jobs`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headworks.contract.tasks.keeping import Id, Limit, Reply

__all__ = ["NAME", "Body", "Reply", "Request"]

NAME = "fine-tuning"


class Body(Struct, frozen=True):
    """What a job is made of; further fields are the provider's own."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    training_file: Id
    validation_file: Id | None = None


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What to do: `create` needs `body`, `list` reads `after` and `limit`, as `events` and `checkpoints` do; those and all others need `id`."""

    action: Literal["create", "list", "retrieve", "cancel", "pause", "resume", "events", "checkpoints"]
    id: Id | None = None
    body: Body | None = None
    after: Id | None = None
    limit: Limit | None = None
