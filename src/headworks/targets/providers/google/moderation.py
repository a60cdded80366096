"""Google Natural Language moderateText and Cloud Vision safe search as moderation.

Source: google.cloud.language.v2 ("Moderating text": the list of categories), google.cloud.vision.v1.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from headworks.costs import Usage
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.google.vision import Item, only_item
from headworks.targets.providers.google.vision_labels import LIKELIHOODS
from headworks.targets.providers.moderating import judged, picture_to_judge, texts_to_judge, verdict
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

BILLED_UNIT = 100
TOPICS = frozenset({"Finance", "Health", "Legal", "Politics", "Public Safety", "Religion & Belief", "War & Conflict"})
"""Categories that say what a text is about, not that it does harm: told, but they flag nothing."""


class _Category(Struct, frozen=True):
    name: str
    confidence: float = 0.0


class _Text(Struct, frozen=True):
    categories: list[_Category] = field(default_factory=list, name="moderationCategories")


class _Picture(Item, frozen=True):
    safe: dict[str, str | float] = field(default_factory=dict, name="safeSearchAnnotation")


_TEXT = msgspec.json.Decoder(_Text)
_PICTURE = msgspec.json.Decoder(dict[str, list[_Picture]])


class ModerateText(JsonApi, frozen=True, kw_only=True):
    """What is harmful in one text."""

    task: str = "moderation"
    model: str = "language:moderation"

    def request(self, ask: Ask) -> HttpRequest:
        """The text.

        Raises: ProviderUnable for pictures and for several texts.
        """
        document = {"type": "PLAIN_TEXT", "content": texts_to_judge(ask, 1)[0]}
        return posted("/v2/documents:moderateText", {"document": document})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """One verdict."""
        scores = {one.name: one.confidence for one in decoded(_TEXT, response.body).categories}
        usage = Usage(characters=billed_characters(texts_to_judge(ask, 1)[0], BILLED_UNIT, BILLED_UNIT))
        return Answer(judged([verdict(scores, TOPICS)], self.model), usage, self.model)


class ModeratePicture(JsonApi, frozen=True, kw_only=True):
    """How likely one picture is adult, spoof, medical, violent or racy; medical and spoof flag nothing."""

    task: str = "moderation"
    model: str = "vision:moderation"

    def request(self, ask: Ask) -> HttpRequest:
        """The picture.

        Raises: ProviderUnable for texts and for several pictures.
        """
        one = {"image": {"content": picture_to_judge(ask)}, "features": [{"type": "SAFE_SEARCH_DETECTION"}]}
        return posted("/v1/images:annotate", {"requests": [one]})

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """One verdict, scores by the table of likelihoods."""
        told = only_item(_PICTURE, response.body).safe
        scores = {
            kind: LIKELIHOODS[word] for kind, word in told.items() if isinstance(word, str) and word in LIKELIHOODS
        }
        return Answer(judged([verdict(scores, ("medical", "spoof"))], self.model), Usage(images=1), self.model)
