"""A streamed chat answer as a Response's typed events, in their order, numbered.

What is said or thought is one item until something else begins; calls of tools stay open to the end, since their
arguments may come in turns. One event of the task is one write.

Source: openai-python, types/responses/response_stream_event.py and lib/streaming/responses.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Raw, Struct

from headworks.costs import Usage
from headworks.dialects.chat_view import ToolCallView, TurnView, UsageView, chat_view, viewed
from headworks.dialects.openai.body import Form, encode
from headworks.dialects.openai.chat import KEEP_ALIVE
from headworks.dialects.openai.errors import error_document
from headworks.dialects.openai.responses_told import (
    INCOMPLETE,
    Item,
    call_item,
    error_of,
    message_item,
    reasoning_item,
    reasoning_part,
    refusal_part,
    response,
    text_part,
)
from headworks.dialects.same_events import SameEvents
from headworks.errors import HeadworksError
from headworks.units import RequestId


class _Saying(Struct, frozen=True):
    """How one kind of text is written: its item, its part, and the names of its events."""

    item: Callable[[Form, int, str, list[Item]], Item]
    part: Callable[[str], Item]
    delta: str
    done: str
    field: str
    has_chances: bool = False


TEXT = _Saying(
    message_item, text_part, "response.output_text.delta", "response.output_text.done", "text", has_chances=True
)
REFUSAL = _Saying(message_item, refusal_part, "response.refusal.delta", "response.refusal.done", "refusal")
THOUGHT = _Saying(
    reasoning_item, reasoning_part, "response.reasoning_text.delta", "response.reasoning_text.done", "text"
)


class _Said:
    """An item of text that is under way."""

    def __init__(self, saying: _Saying, form: Form, number: int) -> None:
        self.saying = saying
        self.number = number
        self.begun: Item = saying.item(form, number, "in_progress", [])
        self.pieces: list[str] = []
        self.chances: list[Raw] = []
        self._form = form

    def at(self) -> dict[str, Any]:
        """Which part of which item an event is about."""
        return {"item_id": self.begun["id"], "output_index": self.number, "content_index": 0}

    def item(self, status: str) -> Item:
        """The item with all that was said."""
        part = self.saying.part("".join(self.pieces))
        if self.saying.has_chances:
            part["logprobs"] = self.chances
        return self.saying.item(self._form, self.number, status, [part])

    def add(self, text: str, chances: list[Raw]) -> dict[str, Any]:
        """Take a piece in; gives what its event tells beside it."""
        self.pieces.append(text)
        if not self.saying.has_chances:
            return {}
        self.chances += [Raw(bytes(each)) for each in chances]
        return {"logprobs": chances}


class _Called:
    """A call of a tool that is under way."""

    def __init__(self, call: ToolCallView, form: Form, number: int) -> None:
        self.number = number
        self.begun = call_item(form, number, "in_progress", call)
        self.begun["arguments"] = ""
        self.pieces: list[str] = []

    def at(self) -> dict[str, Any]:
        """Which item an event is about."""
        return {"item_id": self.begun["id"], "output_index": self.number}

    def item(self, status: str) -> Item:
        """The call with all its arguments."""
        return {**self.begun, "status": status, "arguments": "".join(self.pieces)}


class ResponsesEvents(SameEvents):
    """Events of Responses as they came; implements ports.EventWriter."""

    keep_alive = KEEP_ALIVE
    holder = "response"

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter."""
        document = error_document(error)
        told = {"type": "error", "sequence_number": self.told, "code": error.code, "message": error.detail}
        return b"event: error\ndata: " + encode({**told, "param": None, **document}) + b"\n\n"


class ResponsesWriter:
    """Implements ports.EventWriter for Responses."""

    keep_alive = KEEP_ALIVE

    def __init__(self, form: Form) -> None:
        self._form = form
        self._sequence = 0
        self._output: list[Item] = []
        self._said: _Said | None = None
        self._calls: dict[int, _Called] = {}
        self._finish_reason = "stop"
        self._usage: UsageView | None = None

    def event(self, event: bytes) -> bytes:
        """See ports.EventWriter."""
        view = chat_view(event)
        if view.usage is not None:
            self._usage = view.usage
        out = self._begin()
        for choice in view.choices:
            if choice.index == 0:
                out += self._more(choice.delta, choice.chances)
                self._finish_reason = choice.finish_reason or self._finish_reason
        return bytes(out)

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter."""
        out = self._begin()
        self._usage = self._usage or viewed(usage)
        reason = INCOMPLETE.get(self._finish_reason)
        status = "completed" if reason is None else "incomplete"
        out += self._close(status)
        whole = response(self._form, status, self._output, self._usage)
        if reason is not None:
            whole["incomplete_details"] = {"reason": reason}
        return bytes(out + self._event(f"response.{status}", response=whole))

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter; the last event has an `error` too, by which the official client raises."""
        out = self._begin()
        whole = {**response(self._form, "failed", self._output, self._usage), "error": error_of(error)}
        out += self._event("response.failed", response=whole)
        document = error_document(error)
        told = document["error"]
        return bytes(
            out + self._event("error", code=told["code"], message=told["message"], param=told["param"], **document)
        )

    def _begin(self) -> bytearray:
        if self._sequence:
            return bytearray()
        begun = response(self._form, "in_progress", [])
        return bytearray(
            self._event("response.created", response=begun) + self._event("response.in_progress", response=begun)
        )

    def _more(self, delta: TurnView, chances: list[Raw]) -> bytes:
        out = b""
        for saying, text in ((THOUGHT, delta.thoughts), (TEXT, delta.content), (REFUSAL, delta.refusal)):
            if text:
                out += self._say(saying, text, chances)
        for call in delta.tool_calls or ():
            out += self._call(call)
        return out

    def _say(self, saying: _Saying, text: str, chances: list[Raw]) -> bytes:
        out, said = b"", self._said
        if said is None or said.saying is not saying:
            out = self._end_said("completed")
            said = self._said = _Said(saying, self._form, self._new())
            out += self._event("response.output_item.added", output_index=said.number, item=said.begun)
            out += self._event("response.content_part.added", **said.at(), part=saying.part(""))
        more = said.add(text, chances)
        return out + self._event(saying.delta, **said.at(), delta=text, **more)

    def _call(self, call: ToolCallView) -> bytes:
        out, called = b"", self._calls.get(call.index)
        if called is None:
            out = self._end_said("completed")
            called = self._calls[call.index] = _Called(call, self._form, self._new())
            out += self._event("response.output_item.added", output_index=called.number, item=called.begun)
        piece = call.function.arguments
        if not piece:
            return out
        called.pieces.append(piece)
        return out + self._event("response.function_call_arguments.delta", **called.at(), delta=piece)

    def _close(self, status: str) -> bytes:
        out = self._end_said(status)
        for called in self._calls.values():
            item = called.item(status)
            out += self._event(
                "response.function_call_arguments.done",
                **called.at(),
                name=item["name"],
                arguments=item["arguments"],
            )
            out += self._done(called.number, item)
        return out

    def _end_said(self, status: str) -> bytes:
        said, self._said = self._said, None
        if said is None:
            return b""
        saying, item = said.saying, said.item(status)
        part = item["content"][0]
        more = {"logprobs": said.chances} if saying.has_chances else {}
        out = self._event(saying.done, **said.at(), **{saying.field: part[saying.field]}, **more)
        out += self._event("response.content_part.done", **said.at(), part=part)
        return out + self._done(said.number, item)

    def _done(self, number: int, item: Item) -> bytes:
        self._output[number] = item
        return self._event("response.output_item.done", output_index=number, item=item)

    def _new(self) -> int:
        """The place of one more item."""
        self._output.append({})
        return len(self._output) - 1

    def _event(self, kind: str, **fields: Any) -> bytes:
        data = encode({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1
        return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"
