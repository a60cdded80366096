"""How many tokens a conversation has for a model of Bedrock, by CountTokens; costs nothing.

Source: service model bedrock-runtime 2023-09-30, CountTokens.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct, structs

from headworks.errors import HeadworksError
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.messages import AnthropicMessages
from headworks.targets.providers.aws.converse_asking import conversation
from headworks.targets.providers.aws.converse_facts import COUNTED, PROFILES, UNSAYABLE
from headworks.targets.providers.aws.refusals import failure
from headworks.targets.providers.chat_in import asked_chat
from headworks.targets.providers.counted import counted
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

Counted = Callable[[Ask], dict[str, Any]]


class _Reply(Struct, frozen=True, rename="camel"):
    input_tokens: int | None = None


_reply = msgspec.json.Decoder(_Reply)
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode
_LEAST = {"max_tokens": Raw(b"1")}
"""A message must have a cap, also one that is only counted."""


class BedrockTokenCount(Whole, frozen=True, kw_only=True):
    """Tokens of a conversation as `counted` puts it."""

    task: str = "token-count"
    counted: Counted

    def request(self, ask: Ask) -> HttpRequest:
        """What is counted, in the words of the operation that would answer it.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        body = _encode({"input": self.counted(ask)})
        return HttpRequest("POST", f"/model/{quote(_bare(self.model), safe='')}/count-tokens", body=body)

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The count.

        Raises: ProviderBroken without one.
        """
        return counted(decoded(_reply, response.body).input_tokens, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By the error's name, else by status."""
        return failure(response)


def _bare(model: str) -> str:
    """The model behind an inference profile's id."""
    profile = next((start for start in PROFILES if model.startswith(start)), "")
    return model.removeprefix(profile)


def converse_counted(ask: Ask) -> dict[str, Any]:
    """A chat as Converse would be asked it."""
    asked = conversation(asked_chat(ask, UNSAYABLE), "", None)
    return {"converse": {name: value for name, value in asked.items() if name in COUNTED}}


def invoke_counted(inner: AnthropicChat | AnthropicMessages) -> Counted:
    """A conversation as one of Anthropic's models would be asked it."""

    def told(ask: Ask) -> dict[str, Any]:
        document = _encode(_LEAST | _fields(ask.document))
        body = inner.request(structs.replace(ask, document=document)).body
        return {"invokeModel": {"body": b64encode(body).decode()}}

    return told
