"""Amazon Translate TranslateText. Source: service model translate 2017-07-01; developer guide, "Supported languages"."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from headworks.contract.tasks.translation import Reply
from headworks.costs import Usage
from headworks.targets.providers.asked import asked
from headworks.targets.providers.aws.json11 import Json11, posted
from headworks.targets.providers.translating import service_language, target_language
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

DETECT = "auto"
LANGUAGES: Mapping[str, str] = {
    "es-mx": "es-MX",
    "fa-af": "fa-AF",
    "prs": "fa-AF",
    "fr-ca": "fr-CA",
    "nb": "no",
    "nb-no": "no",
    "pt-pt": "pt-PT",
    "fil": "tl",
    "zh-tw": "zh-TW",
    "zh-hk": "zh-TW",
    "zh-hant": "zh-TW",
    "zh-hant-tw": "zh-TW",
}
"""Tags that the service has a code of its own for; of others it knows the language only."""

_encode = msgspec.json.Encoder().encode


class _Reply(Struct, frozen=True, rename="pascal"):
    translated_text: str


_REPLY = msgspec.json.Decoder(_Reply)


class TranslateText(Json11, frozen=True, kw_only=True):
    """One text; `target` is the language where the caller names none."""

    task: str = "translation"
    model: str = "translate"
    target: str = ""

    def request(self, ask: Ask) -> HttpRequest:
        """One text, its language detected unless named.

        Raises: ProviderUnable when no target language is named.
        """
        row = asked(ask)
        source, target = row.wanted.src_lang, target_language(row, self.target)
        body = {
            "Text": row.inputs,
            "SourceLanguageCode": service_language(source, LANGUAGES) if source else DETECT,
            "TargetLanguageCode": service_language(target, LANGUAGES),
        }
        return posted("AWSShineFrontendService_20170701.TranslateText", body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The translated text."""
        text = decoded(_REPLY, response.body).translated_text
        usage = Usage(characters=billed_characters(asked(ask).inputs))
        return Answer(_encode(Reply(text)), usage, self.model)
