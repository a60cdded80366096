"""How a type says that it holds a picture, without any picture library.

Decoding lives with the models (targets/models); this marker can be part of a contract.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

IMAGE_SCHEMA: Mapping[str, Any] = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"}
"""How a picture is published: base64 in JSON, or raw bytes beside it."""

PYDANTIC_OPENER = "headworks.open_image"
"""Under this name the validation context of pydantic holds the function that decodes a picture."""


class _Image(ABC):  # noqa: B024  # an ABC for its subclass hook, not for methods
    """A picture: base64 or raw bytes on the wire, an RGB `PIL.Image.Image` in `predict`.

    Every Pillow image is an instance of it, by name, so that this module needs no Pillow.
    """

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        is_pillow = any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in other.__mro__)
        return True if is_pillow else NotImplemented

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> dict[str, Any]:
        return {"type": "function-plain", "function": {"type": "with-info", "function": _opened}}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: object, handler: object) -> dict[str, Any]:
        return dict(IMAGE_SCHEMA)


def is_image(kind: type) -> bool:
    """Whether a class is the marker, or Pillow's own class of pictures."""
    return issubclass(kind, _Image)


def _opened(value: object, info: Any) -> object:
    """What pydantic puts into the field: a picture as it is, or the decoded text."""
    if isinstance(value, _Image):
        return value
    opener = (info.context or {}).get(PYDANTIC_OPENER)
    if opener is None:
        raise ValueError("must be a PIL.Image.Image")
    return opener(value)


if TYPE_CHECKING:
    Image = Any
else:
    Image = _Image
    Image.__name__ = Image.__qualname__ = "Image"
