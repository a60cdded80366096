"""Image generation: a description in, pictures out.

The request and the reply are open for a vendor's own fields.
Source: OpenAI API, `POST /v1/images/generations`.
"""

from typing import Annotated

from msgspec import Meta, Struct

NAME = "image-generation"


class Request(Struct, frozen=True):
    """What to show, and how many pictures of which size, such as `1024x1024`; the model's choice unless said."""

    prompt: Annotated[str, Meta(min_length=1, max_length=100_000)]
    n: Annotated[int, Meta(ge=1, le=10)] | None = None
    size: Annotated[str, Meta(pattern=r"^(auto|[1-9]\d{1,4}x[1-9]\d{1,4})$")] | None = None
    quality: Annotated[str, Meta(max_length=32)] | None = None
    user: Annotated[str, Meta(max_length=1000)] | None = None


class Picture(Struct, frozen=True):
    """One picture: base64, or where a model gives no other an address that soon ends."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class Reply(Struct, frozen=True):
    """The pictures."""

    created: int
    data: Annotated[list[Picture], Meta(min_length=1)]
