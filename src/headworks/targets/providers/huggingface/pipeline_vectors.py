"""The pipeline feature-extraction as embeddings. Source: Hugging Face task specification of this name; huggingface_hub."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.chat_in import cannot
from headworks.targets.providers.huggingface.pipeline import Pipeline
from headworks.targets.providers.vectors import embedded, texts_of
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse

_VECTORS = msgspec.json.Decoder(list[list[float]])
_encode = msgspec.json.Encoder().encode


class Vectors(Pipeline, frozen=True, kw_only=True):
    """One vector a text, as the model pools it; a model that gives one a token is none for this task."""

    suffix: ClassVar[str] = "/pipeline/feature-extraction"
    task: str = "embeddings"

    def request(self, ask: Ask) -> HttpRequest:
        """The texts.

        Raises: ProviderUnable for tokens, and for a number of dimensions, which is the model's own.
        """
        asked = texts_of(ask)
        if asked.dimensions is not None:
            raise cannot("/dimensions")
        return HttpRequest("POST", self.path, JSON_FIELDS, _encode({"inputs": asked.texts}))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The vectors, in the order asked.

        Raises: ProviderBroken when there is not one for each text.
        """
        asked = texts_of(ask)
        vectors = decoded(_VECTORS, response.body)
        if len(vectors) != len(asked.texts):
            raise ProviderBroken(reason=f"{len(vectors)} vectors of {len(asked.texts)} texts")
        usage = Usage(characters=sum(map(len, asked.texts)))
        return embedded(vectors, self.model, usage, is_base64=asked.is_base64)
