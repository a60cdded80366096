"""Vertex AI embeddings by Google's own models. Source: Vertex AI, "Text embeddings API", `:predict`."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta, Raw, Struct, field

from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.gemini.facts import VERTEX_MODELS
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.understand import NULL, UNKNOWN, usage_in, whole
from headworks.targets.providers.vectors import embedded, texts_of
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Statistics(Struct, frozen=True):
    token_count: Annotated[float, Meta(ge=0, le=10**9)] = 0.0


class _Embeddings(Struct, frozen=True):
    values: list[float]
    statistics: Raw = NULL


class _Prediction(Struct, frozen=True):
    embeddings: _Embeddings


class _Reply(Struct, frozen=True):
    predictions: list[_Prediction]


class _Wanted(Struct, frozen=True, omit_defaults=True):
    dimensions: int | None = field(default=None, name="outputDimensionality")
    cuts: bool = field(default=True, name="autoTruncate")


_statistics = msgspec.json.Decoder(_Statistics).decode
_REPLY = msgspec.json.Decoder(_Reply)


class VertexEmbeddings(JsonApi, frozen=True, kw_only=True):
    """Vectors of texts; a text too long is refused, never cut."""

    task: str = "embeddings"

    def request(self, ask: Ask) -> HttpRequest:
        """One instance a text."""
        asked_for = texts_of(ask)
        body: dict[str, Any] = {
            "instances": [{"content": text} for text in asked_for.texts],
            "parameters": _Wanted(asked_for.dimensions, cuts=False),
        }
        return posted(f"{VERTEX_MODELS}/{quote(self.model, safe='@')}:predict", body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The vectors.

        Raises: ProviderBroken when there is not one for each text.
        """
        asked_for = texts_of(ask)
        told = [one.embeddings for one in decoded(_REPLY, response.body).predictions]
        if len(told) != len(asked_for.texts):
            raise ProviderBroken(reason=f"{len(told)} vectors of {len(asked_for.texts)} texts")
        counts = [(usage_in(one.statistics, _statistics, _usage) or UNKNOWN).input_tokens for one in told]
        usage = None if None in counts else Usage(input_tokens=sum(filter(None, counts)))
        return embedded([one.values for one in told], self.model, usage, is_base64=asked_for.is_base64)


def _usage(statistics: _Statistics) -> Usage:
    return Usage(input_tokens=whole(statistics.token_count))
