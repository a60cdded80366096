"""Pictures: bytes in, an upright RGB `PIL.Image.Image` out, within bounds that are checked before any pixel is decoded."""

from __future__ import annotations

import binascii
import io
from base64 import b64decode, b64encode

from PIL import Image, ImageOps

MOST_PIXELS = 40_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""What is read (JPEG reads MPO too, which has no decoder of its own); each decoder more is attack surface more."""

_TOO_LARGE = f"has more than the {MOST_PIXELS} pixels that are read"
_NOT_A_PICTURE = "is not a readable picture; send JPEG, PNG, WebP or GIF"


def open_image(sent: str | bytes) -> Image.Image:
    """The picture in base64 text or raw bytes; of an animation the first frame, the only one that is decoded.

    Raises: ValueError with a text for the caller: not base64, not a picture, too many pixels.
    Cost: the decoding of at most 40 million pixels.
    """
    data = _decoded(sent) if isinstance(sent, str) else sent
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            width, height = picture.size
            if width * height <= MOST_PIXELS:
                return ImageOps.exif_transpose(picture).convert("RGB")
    except Image.DecompressionBombError as error:
        raise ValueError(_TOO_LARGE) from error
    except Exception as error:  # decoders of broken data raise whatever the format leads them to
        raise ValueError(_NOT_A_PICTURE) from error
    raise ValueError(_TOO_LARGE)


def image_text(picture: Image.Image) -> str:
    """A picture as base64 of a PNG, as a reply carries it."""
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return b64encode(out.getbuffer()).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("is not valid base64") from error
