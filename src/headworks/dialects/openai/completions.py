"""POST /v1/completions, the older form: over a chat a prompt is one user's message and an answer is its text.

An endpoint of the task `completion` is asked as it stands.

Source: platform.openai.com, API reference, "Completions (legacy)"; openai-python, types/completion.py.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json

from headworks.contract.schema import EVENTS, JSON
from headworks.costs import Usage
from headworks.dialects.by_model import ByModel
from headworks.dialects.chat_view import ChoiceView, chat_view, usage_document, viewed
from headworks.dialects.openai.body import (
    Form,
    encode,
    flag,
    object_of,
    refused,
    serves,
    told,
    under_its_name,
)
from headworks.dialects.openai.chat import DONE, KEEP_ALIVE, OBEYED_HERE, TextWriter, wants_usage
from headworks.dialects.openai.errors import error_document
from headworks.dialects.openai.fields import rate_fields
from headworks.errors import HeadworksError
from headworks.ports import EventWriter, Read
from headworks.units import SECOND_NS, RequestId, minted_wall_ns
from headworks.values import Call, Endpoint, Payload, Quota, RawRequest

PATH = "/v1/completions"

_SAME_IN_CHAT = (
    "max_tokens", "temperature", "top_p", "n", "stop", "seed", "frequency_penalty", "presence_penalty", "logit_bias",
)  # fmt: skip
_NEVER = {"suffix": None, "echo": False, "logprobs": None, "best_of": 1}
"""Fields a chat target cannot obey, with the value that asks nothing of it."""


class Completions(ByModel):
    """Implements ports.Dialect for completions."""

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """See ports.Dialect."""
        serves(endpoint, PATH, "chat", "completion")
        document = object_of(raw)
        is_same = endpoint.task == "completion"
        asked = told(document, OBEYED_HERE) if is_same else chat_request(document)
        endpoint.contract.request.check(asked)
        form = Form(document["model"], raw.request_id, wants_usage(document), is_same=is_same)
        return Read(Payload(encode(asked)), EVENTS if flag(document, "stream") else JSON, form)

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """See ports.Dialect."""
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        if form.is_same:
            return under_its_name(form.model, body), JSON
        view = chat_view(body)
        choices = [_choice(each, each.message.content or "") for each in view.choices]
        whole = {**_head(form), "choices": choices}
        if view.usage is not None:
            whole["usage"] = json.decode(body)["usage"]
        return encode(whole), JSON

    def writer(self, call: Call) -> EventWriter:
        """See ports.Dialect."""
        form: Form = call.form  # type: ignore[assignment]  # what `read` put there
        return TextWriter(form) if form.is_same else CompletionWriter(form)

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """See ports.Dialect."""
        return rate_fields(quotas)


class CompletionWriter:
    """Text as it comes; implements ports.EventWriter."""

    keep_alive = KEEP_ALIVE

    def __init__(self, form: Form) -> None:
        self._form = form
        self._head = _head(form)
        self._usage: Any = None
        self._has_finished = False

    def event(self, event: bytes) -> bytes:
        """See ports.EventWriter."""
        view = chat_view(event)
        if view.usage is not None:
            self._usage = json.decode(event)["usage"]
        self._has_finished = self._has_finished or any(each.finish_reason for each in view.choices)
        choices = [_choice(each, each.delta.content or "") for each in view.choices]
        said = [each for each in choices if each["text"] or each["finish_reason"]]
        return self._chunk(said) if said else b""

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter."""
        last = b"" if self._has_finished else self._chunk([_choice(ChoiceView(finish_reason="stop"), "")])
        view = viewed(usage)
        if self._usage is None and view is not None:
            self._usage = usage_document(view)
        if self._form.has_usage and self._usage is not None:
            last += b"data: " + encode({**self._head, "choices": [], "usage": self._usage}) + b"\n\n"
        return last + DONE

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter."""
        return b"data: " + encode(error_document(error)) + b"\n\n"

    def _chunk(self, choices: list[dict[str, Any]]) -> bytes:
        shown = {"usage": None} if self._form.has_usage else {}
        return b"data: " + encode({**self._head, "choices": choices, **shown}) + b"\n\n"


def chat_request(document: Mapping[str, Any]) -> dict[str, Any]:
    """The request of the task `chat` that a completion's fields ask for.

    Raises: SchemaViolation (422), for what a chat target cannot do.
    """
    for name, harmless in _NEVER.items():
        if document.get(name) not in (None, harmless):
            raise refused(f"/{name}", "is not supported: the endpoint behind this name is a chat")
    asked = {name: document[name] for name in _SAME_IN_CHAT if document.get(name) is not None}
    return {"messages": [{"role": "user", "content": _prompt(document.get("prompt"))}], **asked}


def _prompt(prompt: Any) -> str:
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise refused("/prompt", "must be one text: send token ids or several prompts as calls of their own")
    return prompt


def _head(form: Form) -> dict[str, Any]:
    created_s = (minted_wall_ns(form.request_id) or 0) // SECOND_NS
    return {"id": f"cmpl-{form.request_id}", "object": "text_completion", "created": created_s, "model": form.model}


def _choice(choice: ChoiceView, text: str) -> dict[str, Any]:
    return {"index": choice.index, "text": text, "logprobs": None, "finish_reason": choice.finish_reason}
