"""Messages in Anthropic's dialect: the caller's JSON as it is, but for the model, the way of streaming and the cap.

Source: Anthropic API, `POST /v1/messages`, version 2023-06-01, its streaming events and "Beta headers"; how Vertex and Bedrock are
asked: anthropic-sdk-python, lib/vertex/_client.py and lib/bedrock/_client.py.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.errors import HeadworksError
from headworks.targets.providers.anthropic.answering import Error, Message, refused, refused_inside, usage_of
from headworks.targets.providers.anthropic.events import MessageReader
from headworks.targets.providers.anthropic.facts import BETAS, OWN, OWN_FIELDS, Hosting
from headworks.targets.providers.understand import NULL, UNKNOWN
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import (
    JSON_FIELDS,
    Answer,
    Ask,
    HttpRequest,
    HttpResponse,
    Piece,
    ProviderSettings,
)

CAP = "max_tokens"


class _Event(Struct, frozen=True):
    type: str
    message: Message = Message()
    usage: Raw = NULL
    error: Error | None = None


_message = msgspec.json.Decoder(Message)
_event = msgspec.json.Decoder(_Event)
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_number = msgspec.json.Decoder(int).decode
_names = msgspec.json.Decoder(list[str] | None).decode
_encode = msgspec.json.Encoder().encode
_NOTHING_TOLD = Raw(b"{}")
"""In place of a usage that no client could read: callers are told an object."""
_NOBODY_SAYS = ("model", "stream", "anthropic_version")


class AnthropicMessages:
    """Messages of one of Anthropic's models, where `hosting` says; of features under test it asks for those in `betas`."""

    task = "messages"
    can_stream = True

    def __init__(self, model: str, hosting: Hosting = OWN, betas: frozenset[str] = BETAS) -> None:
        self.model = model
        self._hosting = hosting
        self._betas = betas
        self._said: dict[str, Raw] = {"model": Raw(_encode(model))} if hosting.names_model else {}
        if hosting.version_in_body is not None:
            self._said["anthropic_version"] = Raw(_encode(hosting.version_in_body))

    def request(self, ask: Ask) -> HttpRequest:
        """The same blocks, for this model."""
        hosting, fields = self._hosting, _fields(ask.document)
        for name in _NOBODY_SAYS:
            fields.pop(name, None)
        betas = [name for name in _names(fields.pop("anthropic_beta", NULL)) or () if name in self._betas]
        fields |= self._said
        if ask.is_stream and hosting.says_stream:
            fields["stream"] = Raw(b"true")
        if ask.output_cap is not None:
            fields[CAP] = Raw(b"%d" % min(_number(fields[CAP]), ask.output_cap))
        head = OWN_FIELDS if hosting.version_in_body is None else JSON_FIELDS
        if betas and hosting.betas_in_body:
            fields["anthropic_beta"] = Raw(_encode(betas))
        elif betas:
            head = (*head, ("anthropic-beta", ",".join(betas)))
        path = hosting.stream_path if ask.is_stream else hosting.path
        return HttpRequest("POST", path(self.model), head, _encode(fields))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The message as it came.

        Raises: ProviderBroken; what an error inside a 200 means.
        """
        message = decoded(_message, response.body)
        if message.type != "message" or message.content is None:
            raise refused_inside(message.error)
        body = (
            response.body if _is_object(message.usage) else _encode(_fields(response.body) | {"usage": _NOTHING_TOLD})
        )
        return Answer(body, usage_of(message.usage), message.model or self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error.type`, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> MessageReader:
        """Events as they come."""
        return MessageReader(self.events(ask))

    def events(self, ask: Ask) -> SameEvents:
        """The same where somebody else reads the framing (Bedrock's)."""
        return SameEvents(self.model)


class SameEvents:
    """Events as they are; pings are left out, we have our own."""

    __slots__ = ("_model", "_usage", "is_done")

    def __init__(self, model: str) -> None:
        self.is_done = False
        self._model = model
        self._usage = UNKNOWN

    def told(self, document: bytes) -> list[Piece]:
        """The one event, or none.

        Raises: what an error event means; ProviderBroken.
        """
        event = decoded(_event, document)
        if event.type == "error":
            raise refused_inside(event.error)
        if event.type == "ping" or self.is_done:
            return []
        if event.type == "message_start":
            self._model = event.message.model or self._model
            self._usage = usage_of(event.message.usage)
            if not _is_object(event.message.usage):
                document = _untold_at_first(document)
        elif event.type == "message_delta":
            self._usage = usage_of(event.usage, self._usage)
            if event.usage is not NULL and not _is_object(event.usage):
                document = _encode(_fields(document) | {"usage": _NOTHING_TOLD})
        self.is_done = event.type == "message_stop"
        return [Piece(document, self._usage, event.type == "content_block_delta", self._model)]


def _is_object(usage: Raw) -> bool:
    return bytes(usage).startswith(b"{")


def _untold_at_first(event: bytes) -> bytes:
    """The first event, with a message that tells no usage."""
    fields = _fields(event)
    message = _fields(fields["message"]) | {"usage": _NOTHING_TOLD}
    return _encode(fields | {"message": message})


def allowed_betas(settings: ProviderSettings) -> frozenset[str]:
    """The features under test that callers may ask of this provider."""
    return BETAS | frozenset(settings.options.get("betas", ()))
