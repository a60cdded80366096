"""Embeddings in OpenAI's dialect.

Source: OpenAI API, `POST /v1/embeddings`.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.costs import Usage
from headworks.errors import HeadworksError
from headworks.targets.providers.openai.document import (
    NULL,
    LooseSpent,
    encode,
    fields_of,
    read_spent,
    refused,
    refused_inside,
)
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.understand import readable, usage_in
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Reply(Struct, frozen=True):
    data: list[Raw] | None = None
    model: str = ""
    usage: Raw = NULL
    object: str = ""
    error: Raw = NULL


class _Read(Struct, frozen=True):
    prompt_tokens: int
    total_tokens: int


class _Told(Struct, frozen=True):
    data: list[Raw]
    model: str
    usage: _Read | None
    object: str = "list"


_read = msgspec.json.Decoder(_Read | None).decode
_reply = msgspec.json.Decoder(_Reply)


class OpenAiEmbeddings(Whole, frozen=True, kw_only=True):
    """Vectors by one model of one server; the vectors themselves are not decoded."""

    task: str = "embeddings"
    server: Server

    def request(self, ask: Ask) -> HttpRequest:
        """The same inputs, for this model."""
        fields = fields_of(ask.document)
        fields.pop("model", None)
        if self.server.names_model:
            fields["model"] = Raw(encode(self.model))
        return HttpRequest("POST", f"{self.server.path}/embeddings{self.server.query}", body=encode(fields))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The vectors as they came.

        Raises: ProviderBroken without vectors; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if not wire.data:
            raise refused_inside(wire.error)
        model, body = wire.model or self.model, response.body
        usage = usage_in(wire.usage, read_spent, _usage)
        if wire.object != "list" or not wire.model or not readable(wire.usage, _read):
            body = encode(_Told(wire.data, model, _told(usage)))
        return Answer(body, usage, model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)


def _usage(spent: LooseSpent) -> Usage:
    return Usage(input_tokens=spent.prompt_tokens, output_tokens=0)


def _told(usage: Usage | None) -> _Read | None:
    """Usage where it is known; what is read is all there is."""
    return None if usage is None or usage.input_tokens is None else _Read(usage.input_tokens, usage.input_tokens)
