"""Image editing: pictures and a description of what to make of them in, pictures out.

The request is open for a vendor's own fields. Pictures stand in the request as `data:` URLs; a mask is clear where to edit the first.
Source: OpenAI API, `POST /v1/images/edits`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from headworks.contract.tasks.chat import InlineImage
from headworks.contract.tasks.image_generation import Reply

__all__ = ["NAME", "Reply", "Request"]

NAME = "image-editing"


class Request(Struct, frozen=True):
    """What to make of which pictures, and how many of which size; the model's choice unless said."""

    prompt: Annotated[str, Meta(min_length=1, max_length=100_000)]
    images: Annotated[list[InlineImage], Meta(min_length=1, max_length=16)]
    mask: InlineImage | None = None
    n: Annotated[int, Meta(ge=1, le=10)] | None = None
    size: Annotated[str, Meta(pattern=r"^(auto|[1-9]\d{1,4}x[1-9]\d{1,4})$")] | None = None
    quality: Annotated[str, Meta(max_length=32)] | None = None
    user: Annotated[str, Meta(max_length=1000)] | None = None
