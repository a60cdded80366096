"""The pipeline text-to-image as image generation. Source: Hugging Face task specification of this name."""

from __future__ import annotations

from base64 import b64encode

import msgspec

from headworks.contract.tasks.image_generation import Picture, Reply, Request
from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.chat_in import cannot
from headworks.targets.providers.huggingface.pipeline import Pipeline
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_asked = msgspec.json.Decoder(Request).decode
_encode = msgspec.json.Encoder().encode


class Painting(Pipeline, frozen=True, kw_only=True):
    """One picture of a description; its quality is the model's own."""

    task: str = "image-generation"

    def request(self, ask: Ask) -> HttpRequest:
        """The description, and the size where one was named.

        Raises: ProviderUnable for more than one picture.
        """
        asked = _asked(ask.document)
        if (asked.n or 1) > 1:
            raise cannot("/n")
        width, _, height = (asked.size or "").partition("x")
        sides = {"width": int(width), "height": int(height)} if height else {}
        return self.posted(asked.prompt, sides)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The picture, within the answer; when it was made is not told, so `created` is 0 and a dialect says its own time.

        Raises: ProviderBroken for what is no picture.
        """
        media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not media.startswith("image/") or not response.body:
            raise ProviderBroken(reason=f"no picture but {media or 'nothing'}")
        made = Reply(0, [Picture(b64_json=b64encode(response.body).decode())])
        return Answer(_encode(made), Usage(images=1), self.model)
