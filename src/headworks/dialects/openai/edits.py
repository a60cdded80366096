"""POST /v1/images/edits: a form with pictures and a description of what to make of them.

Source: platform.openai.com, API reference, "Images"; openai-python, types/image_edit_params.py.
"""

from base64 import b64encode
from typing import Any

from headworks.contract.picture import NotPicture, Truncated, picture_of
from headworks.contract.schema import JSON, pointer_of
from headworks.dialects.native.form import parts_of
from headworks.dialects.native.media import boundary_of
from headworks.dialects.openai.body import Form, encode, refused, serves
from headworks.dialects.openai.more import dated
from headworks.dialects.openai.transcriptions import FormDialect
from headworks.ports import Read
from headworks.values import Call, Endpoint, Payload, RawRequest

PATH = "/v1/images/edits"
_PICTURES = frozenset({"image", "image[]"})
_NUMBERS = frozenset({"n", "output_compression", "partial_images"})
_MOST_DIGITS = 9


class Edits(FormDialect):
    """Implements ports.Dialect for edited pictures."""

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, PATH, "image-editing")
        asked = _asked(raw)
        model = asked.pop("model", endpoint.name)
        if asked.pop("stream", "false") != "false":
            raise refused("/stream", "must be false or absent: this answer comes whole")
        endpoint.contract.request.check(asked)
        return Read(Payload(encode(asked)), JSON, Form(model, raw.request_id))

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect."""
        return dated(call.form, body)  # type: ignore[arg-type]  # what `read` put there


def _asked(raw: RawRequest) -> dict[str, Any]:
    """The fields of the form, pictures as `data:` URLs.

    Raises: SchemaViolation (422), and what reading a form raises.
    """
    asked: dict[str, Any] = {}
    for part, content in parts_of(raw.body, boundary_of(raw.headers.get("content-type"))):
        name = part.name or ""
        if name in _PICTURES:
            asked.setdefault("images", []).append(_data_url(content, f"/images/{len(asked.get('images', ()))}"))
            continue
        if name in asked:
            raise refused(pointer_of((name,)), "is sent twice")
        asked[name] = _data_url(content, "/mask") if name == "mask" else _value(name, content)
    return asked


def _value(name: str, content: bytes) -> str | int:
    text = content.decode(errors="replace")
    return int(text) if name in _NUMBERS and text.isdecimal() and len(text) <= _MOST_DIGITS else text


def _data_url(content: bytes, at: str) -> str:
    try:
        media = picture_of(content).media
    except (NotPicture, Truncated):
        raise refused(at, "must be a whole PNG, JPEG, GIF or WebP") from None
    return f"data:{media};base64,{b64encode(content).decode()}"
