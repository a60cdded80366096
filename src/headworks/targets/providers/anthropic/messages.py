"""Messages in Anthropic's dialect: the caller's JSON as it is, but for the model, the way of streaming and the cap.

Source: Anthropic API, `POST /v1/messages`, version 2023-06-01, and its streaming events.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.anthropic.answering import Error, Message, Spent, refused, refused_inside, usage_of
from headworks.targets.providers.anthropic.facts import OWN, OWN_FIELDS
from headworks.targets.providers.sse import EventReader, ServerEvent
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse, Piece
from headworks.values import Usage

CAP = "max_tokens"


class _Event(Struct, frozen=True):
    type: str
    message: Message = Message()
    usage: Spent = Spent()
    error: Error | None = None


_message = msgspec.json.Decoder(Message)
_event = msgspec.json.Decoder(_Event)
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_number = msgspec.json.Decoder(int).decode
_encode = msgspec.json.Encoder().encode


class AnthropicMessages:
    """Messages of one of Anthropic's models."""

    task = "messages"
    can_stream = True

    def __init__(self, model: str) -> None:
        self.model = model
        self._name = Raw(_encode(model))

    def request(self, ask: Ask) -> HttpRequest:
        """The same blocks, for this model."""
        fields = _fields(ask.document)
        fields["model"] = self._name
        fields["stream"] = Raw(b"true" if ask.is_stream else b"false")
        if ask.output_cap is not None:
            fields[CAP] = Raw(b"%d" % min(_number(fields[CAP]), ask.output_cap))
        return HttpRequest("POST", OWN.path(self.model), OWN_FIELDS, _encode(fields))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The message as it came.

        Raises: ProviderBroken; what an error inside a 200 means.
        """
        message = decoded(_message, response.body)
        if message.type != "message" or message.content is None:
            raise refused_inside(message.error)
        return Answer(response.body, usage_of(message.usage), message.model or self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error.type`, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> SameEvents:
        """Events as they come."""
        return SameEvents(self.model)


class SameEvents:
    """Reads to `message_stop`, without which the answer is not whole; pings are left out, we have our own."""

    __slots__ = ("_events", "_is_done", "_model", "_usage")

    def __init__(self, model: str) -> None:
        self._events = EventReader()
        self._is_done = False
        self._model = model
        self._usage = Usage()

    def feed(self, data: bytes) -> list[Piece]:
        """The events that these bytes complete.

        Raises: what an error event means; ProviderBroken.
        """
        return self._pieces(self._events.feed(data))

    def finish(self) -> list[Piece]:
        """What was left.

        Raises: ProviderBroken when `message_stop` never came.
        """
        pieces = self._pieces(self._events.finish())
        if not self._is_done:
            raise ProviderBroken(reason="the stream ended without message_stop")
        return pieces

    def _pieces(self, events: list[ServerEvent]) -> list[Piece]:
        return [piece for event in events if (piece := self._piece(event.data)) is not None]

    def _piece(self, data: bytes) -> Piece | None:
        event = decoded(_event, data)
        if event.type == "error":
            raise refused_inside(event.error)
        if event.type == "ping" or self._is_done:
            return None
        if event.type == "message_start":
            self._model = event.message.model or self._model
            self._usage = usage_of(event.message.usage)
        elif event.type == "message_delta":
            self._usage = usage_of(event.usage, self._usage)
        self._is_done = event.type == "message_stop"
        is_content = event.type == "content_block_delta"
        return Piece(data, self._usage, is_content, self._model)
