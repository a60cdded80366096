"""How many tokens a conversation has for one of Anthropic's models, by Anthropic itself or on Vertex; costs nothing.

Source: Anthropic API, `POST /v1/messages/count_tokens`, version 2023-06-01; on Vertex: anthropic-sdk-python, lib/vertex/_client.py.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from headworks.errors import HeadworksError
from headworks.targets.providers.anthropic.answering import Error, refused, refused_inside
from headworks.targets.providers.anthropic.asking import conversation
from headworks.targets.providers.anthropic.facts import BETAS, COUNTED, OWN, OWN_FIELDS, UNSAYABLE, Hosting
from headworks.targets.providers.chat_in import asked_chat
from headworks.targets.providers.counted import counted
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse


class _Reply(Struct, frozen=True):
    input_tokens: int | None = None
    error: Error | None = None


_reply = msgspec.json.Decoder(_Reply)
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_names = msgspec.json.Decoder(list[str] | None).decode
_encode = msgspec.json.Encoder().encode


class _Count(Whole, frozen=True, kw_only=True):
    """What both forms of a conversation share."""

    hosting: Hosting = OWN

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The count.

        Raises: ProviderBroken without one; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if wire.error is not None:
            raise refused_inside(wire.error)
        return counted(wire.input_tokens, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error.type`, then by status (facts.BY_CODE)."""
        return refused(response)

    def _request(self, asked: dict[str, Any], betas: list[str]) -> HttpRequest:
        """The model is named wherever it is hosted: the path is the same for all of them."""
        body = {"model": self.model, **{name: value for name, value in asked.items() if name in COUNTED}}
        version = self.hosting.version_in_body
        if version is not None:
            body["anthropic_version"] = version
        head = OWN_FIELDS if version is None else JSON_FIELDS
        named = (("anthropic-beta", ",".join(betas)),) if betas else ()
        return HttpRequest("POST", self.hosting.count_path, (*head, *named), _encode(body))


class AnthropicTokenCount(_Count, frozen=True, kw_only=True):
    """Tokens of a chat, its tools and pictures."""

    task: str = "token-count"

    def request(self, ask: Ask) -> HttpRequest:
        """What is counted of the conversation in Anthropic's words.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        return self._request(conversation(asked_chat(ask, UNSAYABLE), self.model), [])


class AnthropicMessageCount(_Count, frozen=True, kw_only=True):
    """Tokens of messages as they stand; of features under test it names those in `betas`."""

    task: str = "message-token-count"
    betas: frozenset[str] = BETAS

    def request(self, ask: Ask) -> HttpRequest:
        """What is counted of the conversation, as it came."""
        fields = _fields(ask.document)
        named = _names(fields.get("anthropic_beta", Raw(b"null"))) or ()
        return self._request(dict(fields), [name for name in named if name in self.betas])
