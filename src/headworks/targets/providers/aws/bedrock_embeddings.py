"""Embeddings by Bedrock's InvokeModel: Amazon Titan, one text a call, and Cohere's models, many.

Source: service model bedrock-runtime 2023-09-30; Bedrock user guide, "Amazon Titan Text Embeddings" and "Cohere Embed".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.errors import FieldError, HeadworksError, ProviderBroken, ProviderUnable
from headworks.targets.providers.aws.refusals import failure
from headworks.targets.providers.cohere.embeddings import InputType
from headworks.targets.providers.cohere.facts import MOST_TEXTS
from headworks.targets.providers.understand import counted_in
from headworks.targets.providers.vectors import Texts, embedded, texts_of
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse

COUNTED = "x-amzn-bedrock-input-token-count"


class _Titan(Struct, frozen=True):
    embedding: list[float]


class _ByType(Struct, frozen=True, rename={"numbers": "float"}):
    numbers: list[list[float]]


class _Cohere(Struct, frozen=True):
    embeddings: _ByType | list[list[float]]


class _Wanted(Struct, frozen=True):
    input_type: InputType | None = None


_TITAN = msgspec.json.Decoder(_Titan)
_COHERE = msgspec.json.Decoder(_Cohere)
_wanted = msgspec.json.Decoder(_Wanted).decode
_encode = msgspec.json.Encoder().encode


class TitanEmbeddings(Whole, frozen=True, kw_only=True):
    """The vector of one text."""

    task: str = "embeddings"
    most_texts: int = 1

    def request(self, ask: Ask) -> HttpRequest:
        """The text, or the texts.

        Raises: ProviderUnable for tokens, for more texts than the model takes at once, and for an unknown `input_type`.
        """
        asked = texts_of(ask)
        if len(asked.texts) > self.most_texts:
            raise ProviderUnable(errors=(FieldError("/input", f"must have at most {self.most_texts} items"),))
        body = _encode(self._body(ask, asked))
        return HttpRequest("POST", f"/model/{quote(self.model, safe='')}/invoke", JSON_FIELDS, body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The vectors, in the order asked; the head tells how many tokens were read.

        Raises: ProviderBroken when there are not as many as texts.
        """
        asked, vectors = texts_of(ask), self._vectors(response.body)
        if len(vectors) != len(asked.texts):
            raise ProviderBroken(reason=f"{len(vectors)} vectors for {len(asked.texts)} texts")
        read = counted_in(response.headers.get(COUNTED, ""))
        usage = None if read is None else Usage(input_tokens=read, output_tokens=0)
        return embedded(vectors, self.model, usage, is_base64=asked.is_base64)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name, else by status."""
        return failure(response)

    def _body(self, ask: Ask, asked: Texts) -> dict[str, Any]:
        sized = {} if asked.dimensions is None else {"dimensions": asked.dimensions}
        return {"inputText": asked.texts[0], **sized}

    def _vectors(self, body: bytes) -> list[list[float]]:
        return [decoded(_TITAN, body).embedding]


class CohereOnBedrock(TitanEmbeddings, frozen=True, kw_only=True):
    """Vectors by Cohere's models; what they are for is `search_document` unless the caller says `input_type`."""

    most_texts: int = MOST_TEXTS

    def _body(self, ask: Ask, asked: Texts) -> dict[str, Any]:
        try:
            wanted = _wanted(ask.document).input_type or "search_document"
        except msgspec.ValidationError:
            raise ProviderUnable(errors=(FieldError("/input_type", "is not one that Cohere knows"),)) from None
        sized = {} if asked.dimensions is None else {"output_dimension": asked.dimensions}
        return {"texts": asked.texts, "input_type": wanted, "embedding_types": ["float"], "truncate": "NONE", **sized}

    def _vectors(self, body: bytes) -> list[list[float]]:
        told = decoded(_COHERE, body).embeddings
        return told if isinstance(told, list) else told.numbers
