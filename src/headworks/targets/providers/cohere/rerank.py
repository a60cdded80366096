"""Rerank by Cohere's models.

Source: Cohere API, `POST /v2/rerank`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from headworks.contract.tasks.rerank import Ranked, Request
from headworks.costs import Amount, Usage
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.cohere.answering import refused
from headworks.targets.providers.understand import NULL, usage_in, whole
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Result(Struct, frozen=True):
    index: int
    relevance_score: float


class _Units(Struct, frozen=True):
    search_units: Amount | None = None


class _Meta(Struct, frozen=True):
    billed_units: _Units | None = None


class _Reply(Struct, frozen=True):
    results: list[_Result]
    meta: Raw = NULL


_asked = msgspec.json.Decoder(Request).decode
_meta = msgspec.json.Decoder(_Meta).decode
_reply = msgspec.json.Decoder(_Reply)
_encode = msgspec.json.Encoder().encode


class CohereRerank(Whole, frozen=True, kw_only=True):
    """Texts by how well they answer a query; billed by searches."""

    task: str = "rerank"

    def request(self, ask: Ask) -> HttpRequest:
        """The query and the texts."""
        asked = _asked(ask.document)
        body: dict[str, Any] = {"model": self.model, "query": asked.query, "documents": asked.texts}
        if asked.top_n is not None:
            body["top_n"] = asked.top_n
        return HttpRequest("POST", "/v2/rerank", body=_encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The best texts first, with the texts themselves where that was asked.

        Raises: ProviderBroken for a place that no text has.
        """
        wire = decoded(_reply, response.body)
        asked, results = _asked(ask.document), wire.results
        if any(not 0 <= result.index < len(asked.texts) for result in results):
            raise ProviderBroken(reason="a result beyond the texts")
        ranked = [
            Ranked(result.index, result.relevance_score, asked.texts[result.index] if asked.return_text else None)
            for result in sorted(results, key=lambda result: -result.relevance_score)
        ]
        return Answer(_encode(ranked), usage_in(wire.meta, _meta, _usage), self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By status: Cohere's errors have no codes."""
        return refused(response)


def _usage(meta: _Meta) -> Usage | None:
    units = None if meta.billed_units is None else whole(meta.billed_units.search_units)
    return None if units is None else Usage(searches=units)
