"""Google Natural Language moderateText and classifyText as text classification. Source: google.cloud.language.v2."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from headworks.costs import Usage
from headworks.targets.providers.asked import asked
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.labels import classified
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Category(Struct, frozen=True):
    name: str
    confidence: float = 0.0


class _Reply(Struct, frozen=True):
    categories: list[_Category] = []
    moderated: list[_Category] = field(default_factory=list, name="moderationCategories")


_REPLY = msgspec.json.Decoder(_Reply)


class Categories(JsonApi, frozen=True, kw_only=True):
    """The categories a method finds, under the vendor's own names; `unit` is how many characters are billed as one."""

    task: str = "text-classification"
    model: str = "language:categories"
    method: str = "classifyText"
    unit: int = 1000

    def request(self, ask: Ask) -> HttpRequest:
        """One text; its language is detected."""
        return posted(
            f"/v2/documents:{self.method}", {"document": {"type": "PLAIN_TEXT", "content": asked(ask).inputs}}
        )

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """Each category with the classifier's confidence."""
        told = decoded(_REPLY, response.body)
        row = asked(ask)
        labels = ((one.name, one.confidence) for one in (*told.categories, *told.moderated))
        usage = Usage(characters=billed_characters(row.inputs, self.unit, self.unit))
        return Answer(classified(labels, row.wanted), usage, self.model)
