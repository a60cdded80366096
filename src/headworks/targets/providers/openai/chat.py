"""Chat in OpenAI's dialect: the caller's JSON as it is, but for the model, the way of streaming and the cap on the answer.

A model's quirks (facts.BY_MODEL) drop the fields it would refuse: an endpoint's targets stay interchangeable.
Source: OpenAI API, `POST /v1/chat/completions`.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from headworks.errors import HeadworksError
from headworks.targets.providers.openai.chunks import ChunkReader, chat_piece
from headworks.targets.providers.openai.document import (
    NULL,
    TRUE,
    USAGE_TOO,
    Spent,
    encode,
    fields_of,
    refused,
    refused_inside,
    usage_of,
)
from headworks.targets.providers.openai.facts import CAPS, FINISHES, Server, quirks_of
from headworks.targets.providers.openai.mending import mended_reply
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_number = msgspec.json.Decoder(int | None).decode


class _Choice(Struct, frozen=True):
    message: Raw = NULL
    index: int | UnsetType = UNSET
    finish_reason: str | None = None


class _Reply(Struct, frozen=True):
    id: str | UnsetType = UNSET
    object: str | UnsetType = UNSET
    created: int | UnsetType = UNSET
    model: str | UnsetType = UNSET
    choices: list[_Choice] | None = None
    usage: Spent | None = None
    error: Raw = NULL


_reply = msgspec.json.Decoder(_Reply)
_ENDS = frozenset(FINISHES.values())


class OpenAiChat:
    """Chat with one model of one server.

    Cost: the request's fields are copied, not decoded; of the reply only what is billed and why it ended is read.
    """

    task = "chat"
    can_stream = True

    def __init__(self, model: str, server: Server) -> None:
        self.model = model
        self._server = server
        quirks = quirks_of(model)
        self._name = Raw(encode(model))
        self._cap = quirks.cap or server.cap
        self._dropped = tuple(quirks.dropped)
        self._path = f"{server.path}/chat/completions{server.query}"

    def request(self, ask: Ask) -> HttpRequest:
        """The same conversation, for this model."""
        fields = fields_of(ask.document)
        for name in self._dropped:
            fields.pop(name, None)
        fields.pop("model", None)
        if self._server.names_model:
            fields["model"] = self._name
        fields.pop("stream", None)
        fields.pop("stream_options", None)
        if ask.is_stream:
            fields["stream"] = TRUE
            if self._server.asks_usage:
                fields["stream_options"] = USAGE_TOO
        self._limit(fields, ask.output_cap)
        return HttpRequest("POST", self._path, body=encode(fields))

    def _limit(self, fields: dict[str, Raw], output_cap: int | None) -> None:
        """Leave the lowest of the caps, under the one name that this model reads."""
        caps = [] if output_cap is None else [output_cap]
        for name in CAPS:
            asked = _number(fields.pop(name, NULL))
            if asked is not None:
                caps.append(asked)
        if caps:
            fields[self._cap] = Raw(b"%d" % min(caps))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The answer as it came.

        Raises: ProviderBroken without an answer in it; what an error inside a 200 means.
        """
        body = response.body
        wire = decoded(_reply, body)
        if not wire.choices:
            raise refused_inside(wire.error)
        is_whole = UNSET not in (wire.id, wire.object, wire.created, wire.model)
        for choice in wire.choices:
            is_said = choice.index is not UNSET and choice.message is not NULL
            is_whole = is_whole and is_said and choice.finish_reason in _ENDS
        if not is_whole:
            body = mended_reply(body, self.model)
        return Answer(body, usage_of(wire.usage), wire.model or self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> ChunkReader:
        """Chunks as they come, with the one that only tells usage: a dialect shows it to who asked for it."""
        return ChunkReader(self.model, chat_piece)
