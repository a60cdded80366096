"""The pipeline token-classification. Source: Hugging Face task specification of this name.

Offsets count code points, as tokenizers of the hub do.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks.token_classification import Entity
from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.asked import asked
from headworks.targets.providers.huggingface.pipeline import Pipeline, only
from headworks.targets.providers.labels import ENTITY_GROUPS, entities
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Entity(Struct, frozen=True):
    score: float
    start: int
    end: int
    entity_group: str | None = None
    entity: str = ""


_REPLY = msgspec.json.Decoder(list[_Entity | list[_Entity]])


class Tokens(Pipeline, frozen=True, kw_only=True):
    """The entities of a text, words of one entity joined."""

    task: str = "token-classification"

    def request(self, ask: Ask) -> HttpRequest:
        """One text."""
        return self.posted(asked(ask).inputs, {"aggregation_strategy": "simple"})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each entity at its place; its word is cut from the text, as tokenizers write it differently.

        Raises: ProviderBroken when a place lies outside the text.
        """
        row = asked(ask)
        told = decoded(_REPLY, response.body)
        nested = [one for one in told if isinstance(one, list)]
        flat = only(nested) if nested else [one for one in told if isinstance(one, _Entity)]
        found = [self._entity(one, row.inputs) for one in flat]
        return Answer(entities(found, row.wanted), Usage(characters=len(row.inputs)), self.model)

    def _entity(self, one: _Entity, text: str) -> Entity:
        if not 0 <= one.start <= one.end <= len(text):
            raise ProviderBroken(reason="an entity lies outside the text")
        kind = one.entity_group or one.entity.removeprefix("B-").removeprefix("I-")
        group = self.labels.get(kind) or ENTITY_GROUPS.get(kind, kind)
        return Entity(group, one.score, text[one.start : one.end], one.start, one.end)
