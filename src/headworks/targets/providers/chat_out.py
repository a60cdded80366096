"""Chat answers in the task's shape, for providers of another dialect: whole, and chunk by chunk.

Such providers do not tell when they answered; `created` is 0 and a dialect says its own time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from headworks.costs import Usage
from headworks.targets.providers.wire import Answer, Piece

_encode = msgspec.json.Encoder().encode


class Said(Struct):
    """What the assistant said so far, part by part, and why it ended."""

    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    finish: str = "stop"
    chances: list[dict[str, Any]] = []
    """Those of its words, as the task tells them."""
    stopped_at: str | None = None
    """The caller's own text at which it stopped, where that is told; vLLM's servers tell it under the same name."""

    def call(self, name: str, arguments: bytes | str, called: str) -> None:
        """Add a call of a tool; `called` is its id."""
        text = arguments.decode() if isinstance(arguments, bytes) else arguments
        self.calls.append({"id": called, "type": "function", "function": {"name": name, "arguments": text}})

    def message(self) -> dict[str, Any]:
        """The assistant's message; thoughts stand in `reasoning_content`, as several servers do it."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.texts) if self.texts else None}
        if self.calls:
            message["tool_calls"] = self.calls
        if self.thoughts:
            message["reasoning_content"] = "".join(self.thoughts)
        return message

    def choice(self, index: int) -> dict[str, Any]:
        """One of the answers."""
        logprobs = {"content": self.chances, "refusal": None} if self.chances else None
        choice = {"index": index, "message": self.message(), "finish_reason": self.finish, "logprobs": logprobs}
        return choice if self.stopped_at is None else {**choice, "stop_reason": self.stopped_at}


def answered(said: Said, identity: str, model: str, usage: Usage | None) -> Answer:
    """The whole answer."""
    return all_answered([said], identity, model, usage)


def all_answered(said: Sequence[Said], identity: str, model: str, usage: Usage | None) -> Answer:
    """The whole answer, where several were asked for."""
    document = {
        "id": identity,
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [each.choice(index) for index, each in enumerate(said)],
    }
    if usage is not None and (told := told_usage(usage)):
        document["usage"] = told
    return Answer(_encode(document), usage, model)


def told_usage(usage: Usage) -> dict[str, Any]:
    """Usage in the task's words; nothing where a part of it is not known."""
    read, written = usage.input_tokens, usage.output_tokens
    if read is None or written is None:
        return {}
    told: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    if usage.cached_tokens is not None:
        told["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        told["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return told


class ChunkWriter:
    """Chunks of one answer, of several that with this `index`; its id and model are known once and encoded once.

    Cost: about 1 µs a chunk.
    """

    __slots__ = ("_choice", "_head", "_model")

    def __init__(self, identity: str, model: str, index: int = 0) -> None:
        head = {"id": identity, "object": "chat.completion.chunk", "created": 0, "model": model}
        self._head = _encode(head)[:-1] + b',"choices":['
        self._choice = b'{"index":%d,"delta":' % index
        self._model = model

    def begun(self, usage: Usage | None = None) -> Piece:
        """The first chunk: who speaks."""
        return self._piece(b'{"role":"assistant","content":""}', usage=usage)

    def text(self, text: str, chances: Sequence[Mapping[str, Any]] = ()) -> Piece:
        """More text, and the chances of its words where they were asked for."""
        more = b'null,"logprobs":' + _encode({"content": chances, "refusal": None}) if chances else b"null"
        return self._piece(b'{"content":' + _encode(text) + b"}", more, is_content=bool(text))

    def thought(self, text: str) -> Piece:
        """More of what the model thought."""
        return self._piece(b'{"reasoning_content":' + _encode(text) + b"}", is_content=bool(text))

    def call(
        self, index: int, called: str, name: str, arguments: str = "", more: Mapping[str, Any] | None = None
    ) -> Piece:
        """A call of a tool begins, or comes whole; `more` stands beside it."""
        function = {"name": name, "arguments": arguments}
        call = {"index": index, "id": called, "type": "function", "function": function, **(more or {})}
        return self._piece(_encode({"tool_calls": [call]}), is_content=True)

    def arguments(self, index: int, text: str) -> Piece:
        """More of a call's arguments."""
        call = {"index": index, "function": {"arguments": text}}
        return self._piece(_encode({"tool_calls": [call]}), is_content=True)

    def ended(self, finish: str, usage: Usage | None = None, stopped_at: str | None = None) -> Piece:
        """Why the answer ended, and at which text of the caller's."""
        more = b"" if stopped_at is None else b',"stop_reason":' + _encode(stopped_at)
        return self._piece(b"{}", b'"' + finish.encode() + b'"' + more, usage=usage)

    def used(self, usage: Usage) -> Piece:
        """The last chunk: what it all used; a caller is shown none where that is not known."""
        told = told_usage(usage)
        document = self._head + b'],"usage":' + _encode(told) + b"}" if told else b""
        return Piece(document, usage, model=self._model)

    def _piece(
        self, delta: bytes, finish: bytes = b"null", *, is_content: bool = False, usage: Usage | None = None
    ) -> Piece:
        choice = self._choice + delta + b',"finish_reason":' + finish + b"}]}"
        return Piece(self._head + choice, usage, is_content, self._model)
