"""Completion: the beginning of a text in, how it goes on out, whole or in chunks; the older way to ask a language model.

The request and the reply are open for a vendor's own fields; `model`, `stream` and `stream_options` are not the caller's to say.
Source: OpenAI API, `POST /v1/completions`.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

NAME = "completion"

Text = Annotated[str, Meta(max_length=4_000_000)]
Token = Annotated[int, Meta(ge=0)]
Tokens = Annotated[list[Token], Meta(min_length=1, max_length=1_000_000)]
Cap = Annotated[int, Meta(ge=1, le=10_000_000)]
Stop = Annotated[str, Meta(min_length=1, max_length=1000)]

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Request(Struct, frozen=True):
    """One beginning or several, as text or as tokens of the model; of `best_of` that are written the best `n` are told."""

    prompt: Text | Annotated[list[Text | Token | Tokens], Meta(min_length=1, max_length=1_000_000)]
    max_tokens: Cap | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=64)] | None = None
    suffix: str | None = None
    echo: bool | None = None
    seed: int | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    best_of: Annotated[int, Meta(ge=1, le=128)] | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    user: Annotated[str, Meta(max_length=1000)] | None = None


class Choice(Struct, frozen=True):
    """One text and why it ended; in a chunk what comes to it, and nothing or why it ended."""

    index: int
    text: str
    finish_reason: Literal["stop", "length", "content_filter"] | None = None


class Spent(Struct, frozen=True):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Event(Struct, frozen=True):
    """One chunk; the last may have no choice and tell usage only."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: Spent | None = None


class Reply(Struct, frozen=True, omit_defaults=True):
    """The whole text."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: Annotated[list[Choice], Meta(min_length=1)]
    usage: Spent | None = None


def beginnings(prompt: object) -> int:
    """How many texts are begun, each of which is answered: a list of tokens is one."""
    if not isinstance(prompt, list) or all(isinstance(part, int) for part in prompt):
        return 1
    return len(prompt)


def assembled(events: Iterable[bytes]) -> bytes:
    """The whole text that these chunks make.

    Raises: ValueError when they do not tell how it ends.
    """
    head: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in map(_decode, events):
        for part in chunk.pop("choices", ()):
            choice = choices.setdefault(part["index"], {"index": part["index"], "text": "", "finish_reason": None})
            choice["text"] += part["text"]
            choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
        head.update((name, value) for name, value in chunk.items() if value is not None or name not in head)
    if not choices or any(choice["finish_reason"] is None for choice in choices.values()):
        raise ValueError("the chunks do not tell how the text ends")
    return _encode({**head, "choices": [choices[index] for index in sorted(choices)]})


def events_of(reply: bytes) -> list[bytes]:
    """A whole text as one chunk."""
    return [reply]
