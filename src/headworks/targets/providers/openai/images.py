"""Image generation in OpenAI's dialect: the same JSON out and back, pictures inside the answer where the model lets one choose.

Source: OpenAI API, `POST /v1/images/generations`.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct, structs

from headworks.costs import Count, Usage
from headworks.errors import HeadworksError
from headworks.targets.providers.openai.document import NULL, encode, fields_of, refused, refused_inside
from headworks.targets.providers.openai.facts import CHOOSES_IMAGE_FORM, Server
from headworks.targets.providers.understand import UNKNOWN, usage_in
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import Answer, Ask, HttpRequest, HttpResponse

_INSIDE = Raw(b'"b64_json"')


class _Spent(Struct, frozen=True):
    input_tokens: Count | None = None
    output_tokens: Count | None = None


class _Reply(Struct, frozen=True):
    data: list[Raw] | None = None
    usage: Raw = NULL
    error: Raw = NULL


_spent = msgspec.json.Decoder(_Spent).decode
_reply = msgspec.json.Decoder(_Reply)


class OpenAiImages(Whole, frozen=True, kw_only=True):
    """Pictures by one model."""

    task: str = "image-generation"
    server: Server

    def request(self, ask: Ask) -> HttpRequest:
        """The same description, for this model."""
        fields = fields_of(ask.document)
        fields["model"] = Raw(encode(self.model))
        fields.pop("stream", None)
        if self.model.startswith(CHOOSES_IMAGE_FORM):
            fields.setdefault("response_format", _INSIDE)
        return HttpRequest("POST", f"{self.server.path}/images/generations{self.server.query}", body=encode(fields))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The pictures as they came, and how many.

        Raises: ProviderBroken without pictures; what an error inside a 200 means.
        """
        wire = decoded(_reply, response.body)
        if not wire.data:
            raise refused_inside(wire.error)
        usage = usage_in(wire.usage, _spent, _usage) or UNKNOWN
        return Answer(response.body, structs.replace(usage, images=len(wire.data)), self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By code, then by type, then by status (facts.BY_CODE)."""
        return refused(response)


def _usage(spent: _Spent) -> Usage:
    return Usage(input_tokens=spent.input_tokens, output_tokens=spent.output_tokens)
