"""POST /v1/chat/completions: the task's own shape; only `model`, `stream` and usage in a stream are the dialect's.

Source: platform.openai.com, API reference, "Chat"; openai-python, types/chat.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError
from msgspec.json import Decoder

from headworks.contract.schema import EVENTS, JSON
from headworks.costs import Usage
from headworks.dialects.by_model import ByModel
from headworks.dialects.chat_view import usage_document, viewed
from headworks.dialects.openai.body import (
    Form,
    as_sent,
    encode,
    fields_of,
    flag,
    object_of,
    refused,
    serves,
    told,
)
from headworks.dialects.openai.errors import error_document
from headworks.dialects.openai.fields import rate_fields
from headworks.dialects.openai.pictures import refuse_fetching
from headworks.errors import ContractViolation, HeadworksError
from headworks.ports import EventWriter, Read
from headworks.units import SECOND_NS, RequestId, minted_wall_ns
from headworks.values import Call, Endpoint, Payload, Quota, RawRequest

PATH = "/v1/chat/completions"
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"
NULL = Raw(b"null")
EMPTY = Raw(b"[]")
STOPPED = Raw(b'[{"index":0,"delta":{},"finish_reason":"stop"}]')

OBEYED_HERE = frozenset({"model", "stream", "stream_options", "store"})


class _Peeked(Struct, frozen=True, gc=False):
    finish_reason: str | None = None


_choices = Decoder(list[_Peeked]).decode
_anything = Decoder(list[dict[str, Any]]).decode


class Chat(ByModel):
    """Implements ports.Dialect for chat completions."""

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, PATH, "chat")
        document = object_of(raw)
        asked = told(document, OBEYED_HERE)
        refuse_storing(document)
        refuse_fetching(asked.get("messages"))
        endpoint.contract.request.check(asked)
        is_stream = flag(document, "stream")
        form = Form(document["model"], raw.request_id, wants_usage(document))
        return Read(Payload(as_sent(raw, asked)), EVENTS if is_stream else JSON, form)

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect."""
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        return encode({**timed(fields_of(body), form), "model": form.model}), JSON

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        return ChatWriter(call.form)  # type: ignore[arg-type]  # what `read` put there

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return rate_fields(quotas)


class ChatWriter:
    """Chunks as the target gave them, under the model's asked name; implements ports.EventWriter.

    Usage goes out only where it was asked for, and then alone in the last chunk. A chunk without choices (Azure's
    first) is left away: clients read `choices[0]`. A stream that named no reason for its end gets one.
    Cost: about 2 µs an event.
    """

    keep_alive = KEEP_ALIVE
    kind, prefix, stopped = "chat.completion.chunk", "chatcmpl", STOPPED

    def __init__(self, form: Form) -> None:
        self._form = form
        self._model = Raw(encode(form.model))
        self._head: dict[str, Raw] = {}
        self._usage: Raw | None = None
        self._has_finished = False

    def event(self, event: bytes) -> bytes:
        """See ports.EventWriter.

        Raises: ContractViolation (502), for an event that is no chunk.
        """
        fields = timed(fields_of(event), self._form)
        usage = fields.pop("usage", None)
        if usage is not None and bytes(usage) != b"null":
            self._usage = Raw(bytes(usage))
        choices = _peeked(fields.get("choices", EMPTY))
        if not choices:
            return b""
        if not self._head:
            self._begin(fields)
        for choice in choices:
            if choice.finish_reason is not None:
                self._has_finished = True
        fields["model"] = self._model
        if self._form.has_usage:
            fields["usage"] = NULL
        return b"data: " + encode(fields) + b"\n\n"

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter."""
        head = self._head or self._own_head()
        shown = {"usage": NULL} if self._form.has_usage else {}
        last = b"" if self._has_finished else b"data: " + encode({**head, "choices": self.stopped, **shown}) + b"\n\n"
        view = viewed(usage)
        if self._usage is None and view is not None:
            self._usage = Raw(encode(usage_document(view)))
        if self._form.has_usage and self._usage is not None:
            last += b"data: " + encode({**head, "choices": EMPTY, "usage": self._usage}) + b"\n\n"
        return last + DONE

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter."""
        return b"data: " + encode(error_document(error)) + b"\n\n"

    def _begin(self, fields: dict[str, Raw]) -> None:
        """Keep the first chunk's id and time for chunks of our own."""
        self._head = {name: Raw(bytes(fields.get(name, value))) for name, value in self._own_head().items()}
        self._head["model"] = self._model
        self._introduce(fields)

    def _introduce(self, fields: dict[str, Raw]) -> None:
        """The first chunk says who speaks."""
        choices = _anything(fields["choices"])
        for choice in choices:
            delta = choice.get("delta") or {}
            if not isinstance(delta, dict):
                raise ContractViolation(reason="the delta of a chat's event is no object")
            choice["delta"] = {"role": "assistant", **delta}
        fields["choices"] = Raw(encode(choices))

    def _own_head(self) -> dict[str, Raw]:
        """What a chunk of our own has that no target began."""
        form = self._form
        told = {"id": f"{self.prefix}-{form.request_id}", "object": self.kind, "created": created_s(form)}
        return {name: Raw(encode(value)) for name, value in {**told, "model": form.model}.items()}


class TextWriter(ChatWriter):
    """The same for chunks of the older completions, which hold text alone."""

    kind, prefix = "text_completion", "cmpl"
    stopped = Raw(b'[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]')

    def _introduce(self, fields: dict[str, Raw]) -> None:
        """A text has no speaker."""


def _peeked(choices: Raw) -> list[_Peeked]:
    try:
        return _choices(choices)
    except (DecodeError, ValidationError) as error:
        raise ContractViolation(reason=f"choices of a chat's event cannot be read: {error}") from None


def created_s(form: Form) -> int:
    """When the request came, in seconds since 1970."""
    return (minted_wall_ns(form.request_id) or 0) // SECOND_NS


def timed(fields: dict[str, Raw], form: Form) -> dict[str, Raw]:
    """The fields, with the request's time where a vendor of another dialect told none."""
    if bytes(fields.get("created", NULL)) == b"0":
        fields["created"] = Raw(encode(created_s(form)))
    return fields


def refuse_storing(document: Mapping[str, Any]) -> None:
    """Refuse what would have to be kept for later calls.

    Raises: SchemaViolation (422).
    """
    if flag(document, "store"):
        raise refused("/store", "must be false or absent: answers are recorded here, but not kept to be fetched again")


def wants_usage(document: Mapping[str, Any]) -> bool:
    """Whether a stream is to tell what it used.

    Raises: SchemaViolation (422).
    """
    options = document.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise refused("/stream_options", "must be of type object")
    if not flag(document, "stream"):
        raise refused("/stream_options", "is allowed only where stream is true")
    return flag(options, "include_usage")
