"""Responses in OpenAI's dialect: the caller's JSON as it is, but for the model, the way of streaming and the cap.

Source: OpenAI API, `POST /v1/responses` and its streaming events.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.contract.tasks.responses import ENDS
from headworks.costs import Count, Usage
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.openai.document import FALSE, NULL, TRUE, encode, fields_of, refused, refused_inside
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.sse import EventReader, ServerEvent
from headworks.targets.providers.understand import usage_in
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse, Piece

CAP = "max_output_tokens"


class _Read(Struct, frozen=True):
    cached_tokens: Count | None = None


class _Written(Struct, frozen=True):
    reasoning_tokens: Count | None = None


class _Spent(Struct, frozen=True):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: _Read = _Read()
    output_tokens_details: _Written = _Written()


class _Reply(Struct, frozen=True):
    status: str = ""
    model: str = ""
    usage: Raw = NULL
    error: Raw = NULL


class _Event(Struct, frozen=True):
    type: str
    response: Raw = NULL
    error: Raw = NULL


_reply = msgspec.json.Decoder(_Reply)
_spent = msgspec.json.Decoder(_Spent).decode
_event = msgspec.json.Decoder(_Event)
_cap = msgspec.json.Decoder(int | None).decode


class OpenAiResponses:
    """Responses of one model of one server."""

    task = "responses"
    can_stream = True

    def __init__(self, model: str, server: Server) -> None:
        self.model = model
        self._path = f"{server.path}/responses{server.query}"
        self._name = Raw(encode(model))

    def request(self, ask: Ask) -> HttpRequest:
        """The same items, for this model; kept at the vendor only where the caller says so, which the vendor does unless told."""
        fields = fields_of(ask.document)
        fields.pop("stream", None)
        fields.pop("stream_options", None)
        fields["model"] = self._name
        fields.setdefault("store", FALSE)
        if ask.is_stream:
            fields["stream"] = TRUE
        asked = _cap(fields.get(CAP, NULL))
        caps = [cap for cap in (asked, ask.output_cap) if cap is not None]
        if caps:
            fields[CAP] = Raw(b"%d" % min(caps))
        return HttpRequest("POST", self._path, body=encode(fields))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The response as it came.

        Raises: ProviderBroken; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if f"response.{wire.status}" not in ENDS:
            raise refused_inside(wire.error)
        return Answer(response.body, usage_in(wire.usage, _spent, _usage), wire.model or self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> ResponseReader:
        """Events as they come."""
        return ResponseReader(self.model)


class ResponseReader:
    """Reads to the event that ends the response, without which it is not whole."""

    __slots__ = ("_events", "_is_done", "_model")

    def __init__(self, model: str) -> None:
        self._events = EventReader()
        self._is_done = False
        self._model = model

    def feed(self, data: bytes) -> list[Piece]:
        """The events that these bytes complete.

        Raises: what an error event means; ProviderBroken.
        """
        return self._pieces(self._events.feed(data))

    def finish(self) -> list[Piece]:
        """What was left.

        Raises: ProviderBroken when no event ended the response.
        """
        pieces = self._pieces(self._events.finish())
        if not self._is_done:
            raise ProviderBroken(reason="the stream ended before the response")
        return pieces

    def _pieces(self, events: list[ServerEvent]) -> list[Piece]:
        return [self._piece(event.data) for event in events if not self._is_done]

    def _piece(self, data: bytes) -> Piece:
        event = decoded(_event, data)
        if event.type == "error":
            raise refused_inside(event.error if bytes(event.error) != b"null" else Raw(data))
        if event.type == "response.failed":
            raise refused_inside(decoded(_reply, bytes(event.response)).error)
        if event.type not in ENDS:
            return Piece(data, None, event.type.endswith(".delta"), self._model)
        self._is_done = True
        wire = decoded(_reply, bytes(event.response))
        return Piece(data, usage_in(wire.usage, _spent, _usage), model=wire.model or self._model)


def _usage(spent: _Spent) -> Usage:
    return Usage(
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        cached_tokens=spent.input_tokens_details.cached_tokens,
        reasoning_tokens=spent.output_tokens_details.reasoning_tokens,
    )
