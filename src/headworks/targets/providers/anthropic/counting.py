"""How many tokens a chat has for one of Anthropic's models.

Source: Anthropic API, `POST /v1/messages/count_tokens`, version 2023-06-01.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from headworks.contract.tasks.token_count import Reply
from headworks.errors import HeadworksError
from headworks.targets.providers.anthropic.answering import Error, refused, refused_inside
from headworks.targets.providers.anthropic.asking import conversation
from headworks.targets.providers.anthropic.facts import COUNTED, OWN_FIELDS, UNSAYABLE
from headworks.targets.providers.chat_in import asked_chat
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Reply(Struct, frozen=True):
    input_tokens: int | None = None
    error: Error | None = None


_reply = msgspec.json.Decoder(_Reply)
_encode = msgspec.json.Encoder().encode


class AnthropicTokenCount(Whole, frozen=True, kw_only=True):
    """Tokens of a conversation, its tools and pictures; costs nothing."""

    task: str = "token-count"

    def request(self, ask: Ask) -> HttpRequest:
        """What is counted of the conversation in Anthropic's words.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        asked = conversation(asked_chat(ask, UNSAYABLE), self.model)
        body = {"model": self.model, **{name: value for name, value in asked.items() if name in COUNTED}}
        return HttpRequest("POST", "/v1/messages/count_tokens", OWN_FIELDS, _encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The count.

        Raises: ProviderBroken without one; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if wire.input_tokens is None:
            raise refused_inside(wire.error)
        return Answer(_encode(Reply(wire.input_tokens)), None, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error.type`, then by status (facts.BY_CODE)."""
        return refused(response)
