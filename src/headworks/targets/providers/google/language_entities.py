"""Google Natural Language analyzeEntities as token classification.

Source: google.cloud.language.v2. Asked in UTF32, offsets count code points.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from headworks.contract.tasks.token_classification import Entity
from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.asked import asked
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.google.language_sentiment import BILLED_UNIT
from headworks.targets.providers.labels import ENTITY_GROUPS, entities
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Span(Struct, frozen=True):
    content: str = ""
    begin: int = field(default=0, name="beginOffset")


class _Mention(Struct, frozen=True):
    text: _Span
    probability: float = 0.0


class _Entity(Struct, frozen=True):
    type: str = "UNKNOWN"
    mentions: list[_Mention] = []


class _Reply(Struct, frozen=True):
    entities: list[_Entity] = []


_REPLY = msgspec.json.Decoder(_Reply)


class AnalyzeEntities(JsonApi, frozen=True, kw_only=True):
    """Every mention of every entity at its place."""

    task: str = "token-classification"
    model: str = "language:entities"

    def request(self, ask: Ask) -> HttpRequest:
        """One text; its language is detected."""
        document = {"type": "PLAIN_TEXT", "content": asked(ask).inputs}
        return posted("/v2/documents:analyzeEntities", {"document": document, "encodingType": "UTF32"})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """One entity a mention.

        Raises: ProviderBroken when a mention is not what stands at its place.
        """
        row = asked(ask)
        told = decoded(_REPLY, response.body).entities
        found = [_entity(one.type, mention, row.inputs) for one in told for mention in one.mentions]
        usage = Usage(characters=billed_characters(row.inputs, BILLED_UNIT, BILLED_UNIT))
        return Answer(entities(found, row.wanted), usage, self.model)


def _entity(kind: str, mention: _Mention, text: str) -> Entity:
    start = mention.text.begin
    end = start + len(mention.text.content)
    word = text[start:end] if start >= 0 else ""
    if word != mention.text.content:
        raise ProviderBroken(reason="an entity is not what stands at its place")
    return Entity(ENTITY_GROUPS.get(kind, kind), mention.probability, word, start, end)
