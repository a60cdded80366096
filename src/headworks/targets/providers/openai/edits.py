"""Image editing in OpenAI's dialect: the pictures go out as a form's files, the answer is that of image generation.

Source: OpenAI API, `POST /v1/images/edits`.
"""

from __future__ import annotations

from binascii import a2b_base64
from typing import Any

import msgspec

from headworks.errors import FieldError, ProviderRefused
from headworks.targets.providers.openai.facts import CHOOSES_IMAGE_FORM
from headworks.targets.providers.openai.form import File, files_request
from headworks.targets.providers.openai.images import OpenAiImages
from headworks.targets.providers.wire import Ask, HttpRequest

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class OpenAiEdits(OpenAiImages, frozen=True, kw_only=True):
    """Pictures made of others, by one model."""

    task: str = "image-editing"

    def request(self, ask: Ask) -> HttpRequest:
        """A form: what is wanted, the pictures, the mask.

        Raises: ProviderRefused for a picture that is not base64.
        """
        asked = _decode(ask.document)
        images, mask = asked.pop("images"), asked.pop("mask", None)
        several = "image[]" if len(images) > 1 else "image"
        files = [_file(several, url, f"/images/{number}") for number, url in enumerate(images)]
        if mask is not None:
            files.append(_file("mask", mask, "/mask"))
        fields = {
            name: str(value) for name, value in asked.items() if isinstance(value, str) or type(value) in (int, float)
        }
        fields["model"] = self.model
        if self.model.startswith(CHOOSES_IMAGE_FORM):
            fields.setdefault("response_format", "b64_json")
        return files_request(f"{self.server.path}/images/edits{self.server.query}", fields, files)


def _file(name: str, url: str, at: str) -> File:
    head, _, data = url.partition(";base64,")
    media = head.removeprefix("data:")
    try:
        content = a2b_base64(data, strict_mode=True)
    except ValueError:
        raise ProviderRefused(errors=(FieldError(at, "must be base64"),)) from None
    return File(name, f"{name.removesuffix('[]')}.{media.removeprefix('image/')}", content, media)
