"""Text Generation Inference: generate. Source: its router's OpenAPI document, version 3."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from headworks.contract.tasks import generate
from headworks.costs import Count, Usage
from headworks.errors import HeadworksError
from headworks.targets.providers.huggingface.refusals import refused
from headworks.targets.providers.understand import NULL, UNKNOWN, usage_in
from headworks.targets.providers.whole import Whole, decoded
from headworks.targets.providers.wire import JSON_FIELDS, Answer, Ask, HttpRequest, HttpResponse

FINISHES = frozenset({"length", "eos_token", "stop_sequence"})
_encode = msgspec.json.Encoder().encode
_asked = msgspec.json.Decoder(generate.Request).decode


class _Details(Struct, frozen=True):
    finish_reason: str = ""
    generated_tokens: Raw = NULL


class _Reply(Struct, frozen=True):
    generated_text: str
    details: _Details | None = None


class _Told(Struct, frozen=True, omit_defaults=True):
    generated_text: str
    finish_reason: str | None = None


_count = msgspec.json.Decoder(Count).decode
_REPLY = msgspec.json.Decoder(_Reply)


class Generate(Whole, frozen=True, kw_only=True):
    """How a text goes on."""

    task: str = "generate"
    model: str = "tgi"

    def request(self, ask: Ask) -> HttpRequest:
        """The beginning and how to go on; the cap is the lowest of the caller's and ours."""
        row = _asked(ask.document)
        wanted = row.parameters or generate.Parameters()
        caps = [cap for cap in (wanted.max_new_tokens, ask.output_cap) if cap is not None]
        named = msgspec.structs.asdict(wanted) | {"max_new_tokens": min(caps, default=None), "details": True}
        parameters = {name: value for name, value in named.items() if value is not None}
        return HttpRequest("POST", "/generate", JSON_FIELDS, _encode({"inputs": row.inputs, "parameters": parameters}))

    def reply(self, ask: Ask, response: HttpResponse) -> Answer:
        """The text and why it ended."""
        told = decoded(_REPLY, response.body)
        details = told.details or _Details()
        finish = details.finish_reason if details.finish_reason in FINISHES else None
        usage = usage_in(details.generated_tokens, _count, lambda count: Usage(output_tokens=count)) or UNKNOWN
        return Answer(_encode(_Told(told.generated_text, finish)), usage, self.model)

    def failure(self, response: HttpResponse) -> HeadworksError:
        """By `error_type`, then by status."""
        return refused(response)
