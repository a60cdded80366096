"""Text Embeddings Inference: predict, rerank and embed. Source: its router's OpenAPI document, version 1.8.

It counts what it read in header fields of its answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from headworks.contract.tasks import rerank
from headworks.costs import Usage
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.asked import asked
from headworks.targets.providers.huggingface.pipeline_labels import SENTIMENTS, Label
from headworks.targets.providers.huggingface.refusals import refused
from headworks.targets.providers.labels import classified
from headworks.targets.providers.understand import counted_in
from headworks.targets.providers.vectors import embedded, texts_of
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode
_ranked = msgspec.json.Decoder(rerank.Request).decode


class _Rank(Struct, frozen=True):
    index: int
    score: float


_LABELS = msgspec.json.Decoder(list[Label])
_RANKS = msgspec.json.Decoder(list[_Rank])
_VECTORS = msgspec.json.Decoder(list[list[float]])


class Server(Whole, frozen=True, kw_only=True):
    """What its operations share."""

    model: str = "tei"

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error_type`, then by status."""
        return refused(response)

    def posted(self, path: str, body: Mapping[str, Any]) -> HttpRequest:
        """The request; inputs that are too long are refused, never cut."""
        return HttpRequest("POST", path, JSON_FIELDS, _encode({**body, "truncate": False}))


class Predict(Server, frozen=True, kw_only=True):
    """Labels of a text by the sequence classifier that the server holds."""

    task: str = "text-classification"
    labels: Mapping[str, str] = {}

    def request(self, ask: Ask) -> HttpRequest:
        """One text."""
        return self.posted("/predict", {"inputs": asked(ask).inputs, "raw_scores": False})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each label with its chance."""
        told = decoded(_LABELS, response.body)
        pairs = [
            (self.labels.get(one.label) or SENTIMENTS.get(one.label.upper(), one.label), one.score) for one in told
        ]
        return Answer(classified(pairs, asked(ask).wanted), _counted(response), self.model)


class Rerank(Server, frozen=True, kw_only=True):
    """Texts by how well they answer a query; scores lie between 0 and 1."""

    task: str = "rerank"

    def request(self, ask: Ask) -> HttpRequest:
        """The query and the texts."""
        row = _ranked(ask.document)
        return self.posted(
            "/rerank", {"query": row.query, "texts": row.texts, "raw_scores": False, "return_text": False}
        )

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The best first.

        Raises: ProviderBroken when not every text has one rank.
        """
        row = _ranked(ask.document)
        ranks = decoded(_RANKS, response.body)
        if sorted(rank.index for rank in ranks) != list(range(len(row.texts))):
            raise ProviderBroken(reason=f"{len(ranks)} ranks of {len(row.texts)} texts")
        best = sorted(ranks, key=lambda rank: (-rank.score, rank.index))[: row.top_n]
        told = [rerank.Ranked(one.index, one.score, row.texts[one.index] if row.return_text else None) for one in best]
        return Answer(_encode(told), _counted(response), self.model)


class Embed(Server, frozen=True, kw_only=True):
    """Vectors of texts, of length 1."""

    task: str = "embeddings"

    def request(self, ask: Ask) -> HttpRequest:
        """The texts."""
        asked_for = texts_of(ask)
        dimensions = {} if asked_for.dimensions is None else {"dimensions": asked_for.dimensions}
        return self.posted("/embed", {"inputs": asked_for.texts, "normalize": True, **dimensions})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The vectors.

        Raises: ProviderBroken when there is not one for each text.
        """
        asked_for = texts_of(ask)
        vectors = decoded(_VECTORS, response.body)
        if len(vectors) != len(asked_for.texts):
            raise ProviderBroken(reason=f"{len(vectors)} vectors of {len(asked_for.texts)} texts")
        return embedded(vectors, self.model, _counted(response), is_base64=asked_for.is_base64)


def _counted(response: HttpResponse) -> Usage:
    """What the server says that it read."""
    tokens, characters = response.headers.get("x-compute-tokens", ""), response.headers.get("x-compute-characters", "")
    return Usage(
        input_tokens=counted_in(tokens),
        characters=counted_in(characters),
    )
