"""Amazon Comprehend DetectEntities and DetectPiiEntities as token classification.

Source: service model comprehend 2017-11-27. Offsets count code points of the text.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks.token_classification import Entity
from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.asked import asked
from headworks.targets.providers.aws.comprehend_sentiment import BILLED_LEAST, BILLED_UNIT
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.labels import ENTITY_GROUPS, entities
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Entity(Struct, frozen=True, rename="pascal"):
    score: float
    type: str
    begin_offset: int
    end_offset: int


class _Reply(Struct, frozen=True, rename="pascal"):
    entities: list[_Entity]


_REPLY = msgspec.json.Decoder(_Reply)


class DetectEntities(Json11, frozen=True, kw_only=True):
    """What a text names; `pii` finds personal data instead, under the service's own kinds.

    The word is cut from the text that was asked, because personal data is not sent back.
    """

    task: str = "token-classification"
    model: str = "comprehend:entities"
    language: str = "en"
    pii: bool = False

    def request(self, ask: Ask) -> HttpRequest:
        """One text in the configured language."""
        operation = "DetectPiiEntities" if self.pii else "DetectEntities"
        return posted(f"Comprehend_20171127.{operation}", {"Text": asked(ask).inputs, "LanguageCode": self.language})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each entity at its place.

        Raises: ProviderBroken when a place lies outside the text.
        """
        row = asked(ask)
        found = [self._entity(one, row.inputs) for one in decoded(_REPLY, response.body).entities]
        usage = Usage(characters=billed_characters(row.inputs, BILLED_UNIT, BILLED_LEAST))
        return Answer(entities(found, row.wanted), usage, self.model)

    def _entity(self, one: _Entity, text: str) -> Entity:
        if not 0 <= one.begin_offset <= one.end_offset <= len(text):
            raise ProviderBroken(reason="an entity lies outside the text")
        group = one.type if self.pii else ENTITY_GROUPS.get(one.type, one.type)
        word = text[one.begin_offset : one.end_offset]
        return Entity(group, one.score, word, one.begin_offset, one.end_offset)
