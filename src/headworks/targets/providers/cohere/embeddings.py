"""Embeddings by Cohere's models.

Cohere makes different vectors for what is searched and what is searched for: a caller may say `input_type`, else the
provider's setting holds.
Source: Cohere API, `POST /v2/embed`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from headworks.costs import Usage
from headworks.errors import FieldError, HeadworksError, ProviderBroken, ProviderUnable
from headworks.targets.providers.cohere.answering import Units, refused
from headworks.targets.providers.cohere.facts import MOST_TEXTS
from headworks.targets.providers.understand import NULL, usage_in, whole
from headworks.targets.providers.vectors import embedded, texts_of
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

InputType = Literal["search_document", "search_query", "classification", "clustering"]


class _Wanted(Struct, frozen=True):
    input_type: InputType | None = None


class _Vectors(Struct, frozen=True, rename={"numbers": "float"}):
    numbers: list[list[float]] = []


class _Meta(Struct, frozen=True):
    billed_units: Units = Units()


class _Reply(Struct, frozen=True):
    embeddings: _Vectors = _Vectors()
    meta: Raw = NULL


_wanted = msgspec.json.Decoder(_Wanted).decode
_meta = msgspec.json.Decoder(_Meta).decode
_reply = msgspec.json.Decoder(_Reply)
_encode = msgspec.json.Encoder().encode


class CohereEmbeddings(Whole, frozen=True, kw_only=True):
    """Vectors by one of Cohere's models."""

    task: str = "embeddings"
    input_type: InputType = "search_document"

    def request(self, ask: Ask) -> HttpRequest:
        """The texts, and what they are for.

        Raises: ProviderUnable for tokens, more than 96 texts, or an unknown `input_type`.
        """
        asked = texts_of(ask)
        if len(asked.texts) > MOST_TEXTS:
            raise ProviderUnable(errors=(FieldError("/input", f"must have at most {MOST_TEXTS} items"),))
        try:
            wanted = _wanted(ask.document).input_type or self.input_type
        except msgspec.ValidationError:
            raise ProviderUnable(errors=(FieldError("/input_type", "is not one that Cohere knows"),)) from None
        body: dict[str, Any] = {"model": self.model, "texts": asked.texts, "input_type": wanted}
        body["embedding_types"] = ["float"]
        if asked.dimensions is not None:
            body["output_dimension"] = asked.dimensions
        return HttpRequest("POST", "/v2/embed", body=_encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The vectors, in the order asked.

        Raises: ProviderBroken when there are not as many as texts.
        """
        wire, asked = decoded(_reply, response.body), texts_of(ask)
        vectors = wire.embeddings.numbers
        if len(vectors) != len(asked.texts):
            raise ProviderBroken(reason=f"{len(vectors)} vectors for {len(asked.texts)} texts")
        usage = usage_in(wire.meta, _meta, _read)
        return embedded(vectors, self.model, usage, is_base64=asked.is_base64)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By status: Cohere's errors have no codes."""
        return refused(response)


def _read(meta: _Meta) -> Usage | None:
    read = whole(meta.billed_units.input_tokens)
    return None if read is None else Usage(input_tokens=read, output_tokens=0)
