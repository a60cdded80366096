"""How many tokens a chat has for one of Gemini's models; costs nothing.

Source: Gemini API, `POST .../models/MODEL:countTokens`; Vertex AI, the same verb with the fields of the request itself.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec
from msgspec import Struct

from headworks.errors import HeadworksError
from headworks.targets.providers.chat_in import asked_chat
from headworks.targets.providers.counted import counted
from headworks.targets.providers.gemini.answering import refused
from headworks.targets.providers.gemini.asking import contents
from headworks.targets.providers.gemini.facts import API_MODELS, COUNTED
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Reply(Struct, frozen=True, rename="camel"):
    total_tokens: int | None = None


_reply = msgspec.json.Decoder(_Reply)
_encode = msgspec.json.Encoder().encode


class GeminiTokenCount(Whole, frozen=True, kw_only=True):
    """Tokens of a conversation, its tools and pictures; `models` is the path where models stand."""

    task: str = "token-count"
    models: str = API_MODELS

    def request(self, ask: Ask) -> HttpRequest:
        """What is counted of the conversation in Gemini's words; only the Gemini API wants it as a request of its own.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        asked = contents(asked_chat(ask), self.model, None)
        body = {name: value for name, value in asked.items() if name in COUNTED}
        if self.models == API_MODELS:
            body = {"generateContentRequest": {"model": f"models/{self.model}", **body}}
        return HttpRequest("POST", f"{self.models}/{quote(self.model, safe='')}:countTokens", body=_encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The count.

        Raises: ProviderBroken without one.
        """
        return counted(decoded(_reply, response.body).total_tokens, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the reason in the details, then by status word, then by status (facts.BY_CODE)."""
        return refused(response)
