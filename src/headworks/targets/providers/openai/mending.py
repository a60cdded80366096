"""Answers of servers that speak OpenAI's dialect loosely, made to follow it; never run for those that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headworks.targets.providers.openai.document import encode
from headworks.targets.providers.openai.facts import FINISHES

_WHOLE: Mapping[str, Any] = {"message": {"role": "assistant", "content": None}, "finish_reason": "stop"}
"""What a choice says at least; Azure leaves the message out where its filter held it back."""
_PART: Mapping[str, Any] = {"delta": {}, "finish_reason": None}


def mended_reply(body: bytes, model: str) -> bytes:
    """A whole answer with every field that the contract requires."""
    return _mended(body, "chat.completion", model, _WHOLE)


def mended_chunk(data: bytes, model: str) -> bytes:
    """A chunk with every field that the contract requires."""
    return _mended(data, "chat.completion.chunk", model, _PART)


def _mended(body: bytes, kind: str, model: str, unsaid: Mapping[str, Any]) -> bytes:
    document: dict[str, Any] = msgspec.json.decode(body)
    choices = [_choice(index, choice, unsaid) for index, choice in enumerate(document.get("choices") or ())]
    made = {"id": "", "created": 0, "model": model}
    said = {name: value for name, value in document.items() if value is not None}
    usage = mended_usage(said.pop("usage", None))
    return encode({**made, **said, **usage, "object": kind, "choices": choices})


def mended_usage(told: Any) -> dict[str, Any]:
    """Usage with its sum; none where a part of it is not known, or no number."""
    if not isinstance(told, Mapping):
        return {}
    read, written = told.get("prompt_tokens"), told.get("completion_tokens")
    if type(read) is not int or type(written) is not int:
        return {}
    return {"usage": {**told, "total_tokens": read + written}}


def _choice(index: int, choice: Mapping[str, Any], unsaid: Mapping[str, Any]) -> dict[str, Any]:
    said = choice.get("finish_reason")
    finish = FINISHES.get(said, "stop") if said else unsaid["finish_reason"]
    return {**unsaid, "index": index, **{name: value for name, value in choice.items() if value is not None}} | {
        "finish_reason": finish
    }
