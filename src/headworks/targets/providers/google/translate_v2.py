"""Google Cloud Translation v2 (basic). Source: Cloud Translation API, language/translate/v2."""

from __future__ import annotations

import msgspec
from msgspec import Struct, field

from headworks.contract.tasks.translation import Reply
from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.asked import asked
from headworks.targets.providers.google.json_api import JsonApi, posted
from headworks.targets.providers.google.languages import LANGUAGES
from headworks.targets.providers.translating import service_language, target_language
from headworks.targets.providers.whole import billed_characters, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode


class _Translation(Struct, frozen=True):
    text: str = field(name="translatedText")


class _Data(Struct, frozen=True):
    translations: list[_Translation]


class _Reply(Struct, frozen=True):
    data: _Data


_REPLY = msgspec.json.Decoder(_Reply)


class TranslateBasic(JsonApi, frozen=True, kw_only=True):
    """One text as plain text, so that nothing comes back escaped; `target` is the language where the caller names none."""

    task: str = "translation"
    model: str = "translate"
    target: str = ""

    def request(self, ask: Ask) -> HttpRequest:
        """One text.

        Raises: ProviderUnable when no target language is named.
        """
        row = asked(ask)
        body = {
            "q": row.inputs,
            "target": service_language(target_language(row, self.target), LANGUAGES),
            "format": "text",
        }
        source = {"source": service_language(row.wanted.src_lang, LANGUAGES)} if row.wanted.src_lang else {}
        return posted("/language/translate/v2", body | source)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The text of the only translation."""
        found = decoded(_REPLY, response.body).data.translations
        if len(found) != 1:
            raise ProviderBroken(reason=f"{len(found)} translations of one text")
        return Answer(_encode(Reply(found[0].text)), Usage(characters=billed_characters(asked(ask).inputs)), self.model)
