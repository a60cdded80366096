"""Embeddings by Gemini's models.

Source: Gemini API, `POST .../models/MODEL:batchEmbedContents`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from headworks.costs import Usage
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.gemini.answering import Spent, read_spent, refused
from headworks.targets.providers.gemini.facts import API_MODELS
from headworks.targets.providers.understand import NULL, usage_in
from headworks.targets.providers.vectors import embedded, texts_of
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Vector(Struct, frozen=True):
    values: list[float] = []


class _Reply(Struct, frozen=True, rename="camel"):
    embeddings: list[_Vector] = []
    usage_metadata: Raw = NULL


_reply = msgspec.json.Decoder(_Reply)
_encode = msgspec.json.Encoder().encode


class GeminiEmbeddings(Whole, frozen=True, kw_only=True):
    """Vectors by one of Gemini's models, several texts at once."""

    task: str = "embeddings"

    def request(self, ask: Ask) -> HttpRequest:
        """One part of a batch for each text.

        Raises: ProviderUnable for tokens: only texts are taken.
        """
        asked = texts_of(ask)
        each: dict[str, Any] = {"model": f"models/{self.model}"}
        if asked.dimensions is not None:
            each["outputDimensionality"] = asked.dimensions
        parts = [{**each, "content": {"parts": [{"text": text}]}} for text in asked.texts]
        path = f"{API_MODELS}/{quote(self.model, safe='')}:batchEmbedContents"
        return HttpRequest("POST", path, body=_encode({"requests": parts}))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The vectors, in the order asked; tokens are told by newer models only.

        Raises: ProviderBroken when there are not as many as texts.
        """
        wire, asked = decoded(_reply, response.body), texts_of(ask)
        if len(wire.embeddings) != len(asked.texts):
            raise ProviderBroken(reason=f"{len(wire.embeddings)} vectors for {len(asked.texts)} texts")
        usage = usage_in(wire.usage_metadata, read_spent, _read)
        return embedded([vector.values for vector in wire.embeddings], self.model, usage, is_base64=asked.is_base64)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the reason in the details, then by status word, then by status (facts.BY_CODE)."""
        return refused(response)


def _read(spent: Spent) -> Usage:
    return Usage(input_tokens=spent.prompt_token_count, output_tokens=0)
