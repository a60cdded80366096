"""Responses that a provider has stored: looked at, deleted, stopped. They are made by the task `responses`.

Source: OpenAI API, `/v1/responses/{response_id}`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headworks.contract.tasks.keeping import Id, Reply

__all__ = ["NAME", "Reply", "Request"]

NAME = "stored-responses"


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What to do with the response of an `id`; `input_items` reads `after`, `limit` and `order`."""

    action: Literal["retrieve", "delete", "cancel", "input_items"]
    id: Id
    after: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] | None = None
    order: Literal["asc", "desc"] | None = None
