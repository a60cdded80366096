"""What a chat request says, for providers of another dialect: typed, its cap, its pictures; what cannot be said is refused."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from headworks.contract.tasks.chat import (
    Content,
    FilePart,
    ImagePart,
    JsonFormat,
    Part,
    RefusalPart,
    Request,
    SchemaFormat,
    TextPart,
)
from headworks.errors import FieldError, ProviderUnable
from headworks.targets.providers.wire import Ask

ANY_OBJECT = {"type": "object", "additionalProperties": True}
_decode = msgspec.json.Decoder(Request).decode


class Inline(Struct, frozen=True):
    """Bytes inside the request: their media type, and base64."""

    media: str
    data: str


def asked_chat(ask: Ask, unsayable: Iterable[str] = ()) -> Request:
    """The conversation; its schema was checked before.

    Raises: ProviderUnable for a field in `unsayable` that is set to anything but its neutral value.
    """
    request = _decode(ask.document)
    for name in unsayable:
        if getattr(request, name):
            raise cannot(f"/{name}")
    return request


def cap_of(request: Request, ask: Ask) -> int | None:
    """The lowest of the caps on the answer."""
    caps = [cap for cap in (request.max_completion_tokens, request.max_tokens, ask.output_cap) if cap is not None]
    return min(caps, default=None)


def stops_of(request: Request) -> list[str]:
    """The texts at which the answer ends."""
    return [request.stop] if isinstance(request.stop, str) else request.stop or []


def schema_of(request: Request) -> dict[str, object] | None:
    """The JSON Schema that the answer must follow; any object's where only JSON was asked for."""
    if isinstance(request.response_format, SchemaFormat):
        return request.response_format.json_schema.schema or ANY_OBJECT
    return ANY_OBJECT if isinstance(request.response_format, JsonFormat) else None


def parts_of(content: Content | None) -> list[Part]:
    """The content as parts; an empty text is none."""
    if isinstance(content, str):
        content = [TextPart(content)]
    return [part for part in content or () if not isinstance(part, TextPart) or part.text]


def text_of(content: Content | None, at: str) -> str:
    """The content as one text.

    Raises: ProviderUnable for a part that is none.
    """
    return "".join(_text(part, f"{at}/content/{index}") for index, part in enumerate(parts_of(content)))


def inline_of(part: Part, at: str) -> Inline:
    """The bytes of a picture or a document.

    Raises: ProviderUnable for other parts, and for a file known by its id only.
    """
    address = ""
    if isinstance(part, ImagePart):
        address = part.image_url.url
    elif isinstance(part, FilePart):
        address = part.file.file_data or ""
    head, comma, data = address.partition(";base64,")
    if not comma or not head.startswith("data:"):
        raise cannot(at)
    return Inline(head.removeprefix("data:"), data)


def arguments_of(text: str, at: str) -> msgspec.Raw:
    """The arguments of a tool call as JSON.

    Raises: ProviderUnable when the text is not one JSON object.
    """
    try:
        msgspec.json.decode(text or "{}", type=dict)
    except msgspec.MsgspecError:
        raise ProviderUnable(errors=(FieldError(at, "must be one JSON object, as text"),)) from None
    return msgspec.Raw((text or "{}").encode())


def cannot(at: str) -> ProviderUnable:
    """The refusal of something that this provider has no word for."""
    return ProviderUnable(errors=(FieldError(at, "cannot be asked of this provider"),))


def _text(part: Part, at: str) -> str:
    if isinstance(part, TextPart):
        return part.text
    if isinstance(part, RefusalPart):
        return part.refusal
    raise cannot(at)
