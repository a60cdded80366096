"""Completions in OpenAI's dialect: the caller's JSON as it is, but for the model, the way of streaming and the cap.

Source: OpenAI API, `POST /v1/completions`.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from headworks.errors import HeadworksError
from headworks.targets.providers.openai.chunks import ChunkReader
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
)
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.mending import mended_usage
from headworks.targets.providers.sse import ServerEvent
from headworks.targets.providers.understand import UNKNOWN, readable
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse, Piece

_FINISHES = frozenset({"stop", "length", "content_filter", None})


class _Choice(Struct, frozen=True):
    index: int | UnsetType = UNSET
    text: str | UnsetType = UNSET
    finish_reason: str | None = None


class _Reply(Struct, frozen=True):
    choices: list[_Choice] | None = None
    model: str = ""
    usage: Raw = NULL
    error: Raw = NULL


_reply = msgspec.json.Decoder(_Reply)
_spent = msgspec.json.Decoder(Spent | None).decode
_cap = msgspec.json.Decoder(int | None).decode


class OpenAiCompletion:
    """Completions by one model of one server."""

    task = "completion"
    can_stream = True

    def __init__(self, model: str, server: Server) -> None:
        self.model = model
        self._server = server
        self._path = f"{server.path}/completions{server.query}"

    def request(self, ask: Ask) -> HttpRequest:
        """The same beginning, for this model."""
        fields = fields_of(ask.document)
        for name in ("model", "stream", "stream_options"):
            fields.pop(name, None)
        if self._server.names_model:
            fields["model"] = Raw(encode(self.model))
        if ask.is_stream:
            fields["stream"] = TRUE
            if self._server.asks_usage:
                fields["stream_options"] = USAGE_TOO
        asked = _cap(fields.get("max_tokens", NULL))
        caps = [cap for cap in (asked, ask.output_cap) if cap is not None]
        if caps:
            fields["max_tokens"] = Raw(b"%d" % min(caps))
        return HttpRequest("POST", self._path, body=encode(fields))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The text as it came.

        Raises: ProviderBroken without a text; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if not wire.choices:
            raise refused_inside(wire.error)
        return Answer(_mended(response.body, wire), loose_usage(wire.usage), wire.model or self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)

    def reader(self, ask: Ask) -> ChunkReader:
        """Chunks as they come."""
        return ChunkReader(self.model, _piece)


def _piece(event: ServerEvent, model: str) -> Piece | None:
    wire = decoded(_reply, event.data)
    if bytes(wire.error) != b"null" or event.name == b"error":
        raise refused_inside(wire.error)
    usage = loose_usage(wire.usage)
    if not wire.choices and usage in (None, UNKNOWN):
        return None if usage is None else Piece(b"", usage, model=wire.model or model)
    is_content = any(choice.text for choice in wire.choices or ())
    is_end = any(choice.finish_reason for choice in wire.choices or ())
    return Piece(_mended(event.data, wire), usage, is_content, wire.model or model, is_end)


def _mended(data: bytes, wire: _Reply) -> bytes:
    """The document, where a server is loose with what is missing, and with any unknown word for the end as `stop`."""
    choices = wire.choices or ()
    is_told = readable(wire.usage, _spent)
    if is_told and all(each.finish_reason in _FINISHES and UNSET not in (each.index, each.text) for each in choices):
        return data
    document = msgspec.json.decode(data)
    document |= mended_usage(document.pop("usage", None))
    for index, choice in enumerate(document.get("choices") or ()):
        choice.setdefault("index", index)
        choice.setdefault("text", "")
        if choice.get("finish_reason") not in _FINISHES:
            choice["finish_reason"] = "stop"
    return encode(document)
