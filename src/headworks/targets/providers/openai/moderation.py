"""Moderation in OpenAI's dialect: the same JSON out and back.

Source: OpenAI API, `POST /v1/moderations`.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.errors import HeadworksError
from headworks.targets.providers.openai.document import NULL, encode, fields_of, refused, refused_inside
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse


class _Reply(Struct, frozen=True):
    results: list[Raw] | None = None
    model: str = ""
    error: Raw = NULL


_reply = msgspec.json.Decoder(_Reply)


class OpenAiModeration(Whole, frozen=True, kw_only=True):
    """What one model finds harmful; nothing of it is billed."""

    task: str = "moderation"
    server: Server

    def request(self, ask: Ask) -> HttpRequest:
        """The same inputs, for this model."""
        fields = fields_of(ask.document)
        fields["model"] = Raw(encode(self.model))
        return HttpRequest("POST", f"{self.server.path}/moderations{self.server.query}", body=encode(fields))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The verdicts as they came.

        Raises: ProviderBroken without verdicts; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if not wire.results:
            raise refused_inside(wire.error)
        return Answer(response.body, None, wire.model or self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)
