"""Chat by Cohere's API of version 2.

Thinking and the plan for a tool are told as `reasoning_content`; citations are left out.
Source: Cohere API, `POST /v2/chat`.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.chat_in import asked_chat, cap_of
from headworks.targets.providers.chat_out import Said, answered
from headworks.targets.providers.cohere.answering import held_to_its_end, refused, usage_of
from headworks.targets.providers.cohere.asking import conversation
from headworks.targets.providers.cohere.events import CohereReader
from headworks.targets.providers.cohere.facts import FINISHES, UNSAYABLE
from headworks.targets.providers.understand import NULL
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Function(Struct, frozen=True):
    name: str = ""
    arguments: str = "{}"


class _Call(Struct, frozen=True):
    id: str = ""
    function: _Function = _Function()


class _Block(Struct, frozen=True):
    type: str
    text: str = ""
    thinking: str = ""


class _Message(Struct, frozen=True):
    content: list[_Block] | None = None
    tool_calls: list[_Call] | None = None
    tool_plan: str | None = None


class _Reply(Struct, frozen=True):
    id: str = ""
    finish_reason: str = ""
    message: _Message | None = None
    usage: Raw = NULL


_reply = msgspec.json.Decoder(_Reply)
_encode = msgspec.json.Encoder().encode


class CohereChat:
    """Chat with one of Cohere's models."""

    task = "chat"
    can_stream = True

    def __init__(self, model: str) -> None:
        self.model = model

    def request(self, ask: Ask) -> HttpRequest:
        """The conversation in Cohere's words.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        request = asked_chat(ask, UNSAYABLE)
        body = conversation(request)
        body |= {"model": self.model, "stream": ask.is_stream}
        cap = cap_of(request, ask)
        if cap is not None:
            body["max_tokens"] = cap
        return HttpRequest("POST", "/v2/chat", body=_encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The message as a chat's answer.

        Raises: ProviderBroken; ProviderTimeout where Cohere gave up.
        """
        wire = decoded(_reply, response.body)
        held_to_its_end(wire.finish_reason)
        if wire.message is None:
            raise ProviderBroken(reason="no message")
        said = Said(finish=FINISHES.get(wire.finish_reason, "stop"))
        if wire.message.tool_plan:
            said.thoughts.append(wire.message.tool_plan)
        for block in wire.message.content or ():
            if block.type == "text":
                said.texts.append(block.text)
            elif block.thinking:
                said.thoughts.append(block.thinking)
        for call in wire.message.tool_calls or ():
            said.call(call.function.name, call.function.arguments, call.id)
        return answered(said, wire.id, self.model, usage_of(wire.usage))

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By status: Cohere's errors have no codes."""
        return refused(response)

    def reader(self, ask: Ask) -> CohereReader:
        """Chunks out of server-sent events."""
        return CohereReader(self.model)
