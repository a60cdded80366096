"""Chat in OpenAI's dialect: the caller's JSON as it is, but for the model, the way of streaming and the cap on the answer.

A model's quirks (facts.BY_MODEL) drop the wishes it would refuse: an endpoint's targets stay interchangeable. Pictures that a
tool gave back stand in a user's message after it: the dialect takes text alone from tools.
Source: OpenAI API, `POST /v1/chat/completions`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw, Struct

from headworks.contract.tasks.chat import Finish, Reply
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.chat_in import cannot
from headworks.targets.providers.openai.chunks import ChunkReader, chat_piece
from headworks.targets.providers.openai.document import (
    NULL,
    TRUE,
    USAGE_TOO,
    Spent,
    encode,
    fields_of,
    loose_usage,
    refused,
    refused_inside,
    usage_of,
)
from headworks.targets.providers.openai.facts import CAPS, Server, quirks_of
from headworks.targets.providers.openai.mending import mended_reply
from headworks.targets.providers.openai.tool_pictures import shown_by_the_user, shows_pictures
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_number = msgspec.json.Decoder(int | None).decode
_NEUTRAL = frozenset({b"null", b"false", b"0", b"{}"})


class _AsTold(Reply, frozen=True):
    """An answer that is the task's own; nearly all are."""

    usage: Spent | None = None


class _Choice(Struct, frozen=True):
    index: int
    message: Raw
    finish_reason: Finish


class _Reply(Struct, frozen=True):
    """An answer that follows the dialect, but for what its messages hold."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[_Choice]
    usage: Spent | None = None


class _LooseChoice(Struct, frozen=True):
    index: int | None = None
    message: dict[str, Raw] | None = None
    finish_reason: str | None = None


class _LooseReply(Struct, frozen=True):
    """An answer in which things are missing, or an error."""

    model: str | None = None
    choices: list[_LooseChoice] | None = None
    usage: Raw = NULL
    error: Raw = NULL


_as_told = msgspec.json.Decoder(_AsTold).decode
_reply = msgspec.json.Decoder(_Reply).decode
_loose = msgspec.json.Decoder(_LooseReply)


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
        self._dropped = (*quirks.dropped, *server.unread)
        self._unsayable = tuple(quirks.unsayable)
        self._path = f"{server.path}/chat/completions{server.query}"

    def request(self, ask: Ask) -> HttpRequest:
        """The same conversation, for this model.

        Raises: ProviderUnable for what the model has no word for.
        """
        fields = fields_of(ask.document)
        for name in self._unsayable:
            if bytes(fields.pop(name, NULL)) not in _NEUTRAL:
                raise cannot(f"/{name}")
        for name in self._dropped:
            fields.pop(name, None)
        if shows_pictures(ask.document):
            fields["messages"] = shown_by_the_user(fields["messages"])
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
            said = fields.pop(name, None)
            if said is not None and (asked := _number(said)) is not None:
                caps.append(asked)
        if caps:
            fields[self._cap] = Raw(b"%d" % min(caps))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The answer as it came.

        Raises: ProviderBroken without an answer in it; what an error inside a 200 means.
        """
        try:
            wire = _as_told(response.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._loosely(response.body)
        return Answer(response.body, usage_of(wire.usage), wire.model, read_as=Reply)

    def _loosely(self, body: bytes) -> Answer:
        try:
            wire = _reply(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return self._mended(body)
        if not wire.choices:
            raise ProviderBroken(reason="no choices")
        return Answer(body, usage_of(wire.usage), wire.model)

    def _mended(self, body: bytes) -> Answer:
        wire = decoded(_loose, body)
        if not wire.choices:
            raise refused_inside(wire.error)
        return Answer(mended_reply(body, self.model), loose_usage(wire.usage), wire.model or self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> ChunkReader:
        """Chunks as they come, with the one that only tells usage: a dialect shows it to who asked for it."""
        return ChunkReader(self.model, chat_piece)
