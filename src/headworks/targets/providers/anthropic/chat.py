"""Chat by Anthropic's messages.

Thinking is told as `reasoning_content`; its signatures, citations and what Anthropic's own tools found are left out.
Source: Anthropic API, `POST /v1/messages`, version 2023-06-01; on Vertex and Bedrock the same body without a model.
"""

from __future__ import annotations

import msgspec

from headworks.errors import HeadworksError
from headworks.targets.providers.anthropic.answering import Message, answer_of, refused
from headworks.targets.providers.anthropic.asking import conversation
from headworks.targets.providers.anthropic.events import MessageEvents, MessageReader
from headworks.targets.providers.anthropic.facts import OWN, OWN_FIELDS, UNSAYABLE, Hosting, default_cap
from headworks.targets.providers.chat_in import asked_chat, cap_of, schema_of
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse

_message = msgspec.json.Decoder(Message)
_encode = msgspec.json.Encoder().encode


class AnthropicChat:
    """Chat with one of Anthropic's models, where `hosting` says."""

    task = "chat"
    can_stream = True

    def __init__(self, model: str, hosting: Hosting = OWN) -> None:
        self.model = model
        self._hosting = hosting

    def request(self, ask: Ask) -> HttpRequest:
        """The conversation in Anthropic's words.

        Raises: ProviderUnable, naming the field that it has no word for.
        """
        request, hosting = asked_chat(ask, UNSAYABLE), self._hosting
        body = conversation(request, self.model)
        body["max_tokens"] = cap_of(request, ask) or default_cap(self.model)
        if hosting.names_model:
            body["model"] = self.model
        if hosting.version_in_body is not None:
            body["anthropic_version"] = hosting.version_in_body
        if ask.is_stream and hosting.says_stream:
            body["stream"] = True
        path = hosting.stream_path if ask.is_stream else hosting.path
        fields = OWN_FIELDS if hosting.version_in_body is None else JSON_FIELDS
        return HttpRequest("POST", path(self.model), fields, _encode(body))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The message as a chat's answer.

        Raises: ProviderBroken; what an error inside a 200 means.
        """
        return answer_of(decoded(_message, response.body), self.model, self._is_json(ask))

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error.type`, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> MessageReader:
        """Chunks out of server-sent events."""
        return MessageReader(self.events(ask))

    def events(self, ask: Ask) -> MessageEvents:
        """Chunks out of events whose framing somebody else reads (Bedrock's)."""
        return MessageEvents(self.model, self._is_json(ask))

    def _is_json(self, ask: Ask) -> bool:
        return b'"response_format"' in ask.document and schema_of(asked_chat(ask)) is not None
