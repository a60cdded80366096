"""A streamed chat answer as Anthropic's named events: one block at a time, each begun, added to and stopped.

One event of the task is one write.

Source: docs.anthropic.com, "Streaming Messages"; anthropic-sdk-python, lib/streaming/_messages.py.
"""

from typing import Any

from msgspec import DecodeError
from msgspec.json import Decoder, Encoder

from headworks.costs import Usage
from headworks.dialects.anthropic.errors import error_document
from headworks.dialects.anthropic.told import NOT_ENDED, Block, Form, ending, message, tool_use_begun, used
from headworks.dialects.chat_view import ToolCallView, TurnView, UsageView, chat_view, viewed
from headworks.dialects.same_events import SameEvents
from headworks.errors import ContractViolation, HeadworksError
from headworks.units import RequestId

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_DELTAS = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking")}

encode = Encoder().encode
decode = Decoder().decode


class MessagesEvents(SameEvents):
    """Events of Messages as they came; implements ports.EventWriter."""

    keep_alive = PING
    holder = "message"

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter."""
        return b"event: error\ndata: " + encode(error_document(error, request_id)) + b"\n\n"


class MessageWriter:
    """Implements ports.EventWriter for Messages.

    Calls of tools whose arguments come in turns wait for the one that is begun to be whole: blocks come one at a time.
    """

    keep_alive = PING

    def __init__(self, form: Form) -> None:
        self._form = form
        self._has_begun = self._has_refused = False
        self._blocks = 0
        self._open = ""
        self._call: int | None = None
        self._calls: set[int] = set()
        self._arguments = ""
        self._waiting: list[ToolCallView] = []
        self._finish_reason: str | None = None
        self._stopped_at: str | int | None = None
        self._usage: UsageView | None = None

    def event(self, event: bytes) -> bytes:
        """See ports.EventWriter.

        Raises: ContractViolation (502), for an event that cannot be read, or arguments of a call that had ended.
        """
        view = chat_view(event)
        if view.usage is not None:
            self._usage = view.usage
        out = self._begin()
        for choice in view.choices:
            if choice.index == 0:
                out += self._more(choice.delta)
                self._finish_reason = choice.finish_reason or self._finish_reason
                self._stopped_at = choice.stop_reason or self._stopped_at
        return out

    def end(self, usage: Usage | None) -> bytes:
        """See ports.EventWriter."""
        out = self._begin() + self._tell_waiting(at_once=True) + self._stop_block()
        self._usage = self._usage or viewed(usage)
        refusal = "refused" if self._has_refused else None
        delta = ending(self._finish_reason, self._stopped_at, refusal, has_calls=bool(self._calls))
        return out + _event("message_delta", delta=delta, usage=used(self._usage)) + STOP

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """See ports.EventWriter."""
        return b"event: error\ndata: " + encode(error_document(error, request_id)) + b"\n\n"

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        begun = message(self._form, [], NOT_ENDED, self._usage)
        return _event("message_start", message=begun) + PING

    def _more(self, delta: TurnView) -> bytes:
        out = b""
        if delta.thoughts and self._form.has_thoughts:
            begun = {"type": "thinking", "thinking": "", "signature": ""}
            out += self._say(begun, delta.thoughts)
        for text in (delta.content, delta.refusal):
            if text:
                out += self._say({"type": "text", "text": ""}, text)
        self._has_refused = self._has_refused or bool(delta.refusal)
        for call in delta.tool_calls or ():
            out += self._add_call(call)
        return out

    def _say(self, begun: Block, text: str) -> bytes:
        kind, out = begun["type"], self._tell_waiting(at_once=True)
        if self._open != kind:
            out += self._start_block(begun)
        name, field = _DELTAS[kind]
        return out + _delta(self._blocks - 1, name, field, text)

    def _add_call(self, call: ToolCallView) -> bytes:
        if call.index != self._call and self._is_under_way():
            self._waiting.append(call)
            return b""
        return self._tell_call(call) + self._tell_waiting()

    def _is_under_way(self) -> bool:
        """Whether a call is begun whose arguments are not whole yet."""
        if self._call is None:
            return False
        try:
            decode(self._arguments)
        except DecodeError:
            return True
        return False

    def _tell_waiting(self, *, at_once: bool = False) -> bytes:
        """Those calls that waited, each as a whole, once the one before it is whole or nothing more can come to it."""
        out = b""
        while self._waiting and (at_once or not self._is_under_way()):
            index, waiting = self._waiting[0].index, self._waiting
            self._waiting = [call for call in waiting if call.index != index]
            out += b"".join(self._tell_call(call) for call in waiting if call.index == index)
        return out

    def _tell_call(self, call: ToolCallView) -> bytes:
        out = b""
        if call.index not in self._calls:
            self._calls.add(call.index)
            out = self._start_block(tool_use_begun(self._form, self._blocks, call))
            self._call, self._arguments = call.index, ""
        elif call.index != self._call:
            raise ContractViolation(reason="the target went on with the call of a tool after it began another")
        arguments = call.function.arguments or ""
        self._arguments += arguments
        return out + _delta(self._blocks - 1, "input_json_delta", "partial_json", arguments) if arguments else out

    def _start_block(self, begun: Block) -> bytes:
        out = self._stop_block()
        self._open = begun["type"]
        self._blocks += 1
        return out + _event("content_block_start", index=self._blocks - 1, content_block=begun)

    def _stop_block(self) -> bytes:
        if not self._open:
            return b""
        self._open, self._call = "", None
        return _event("content_block_stop", index=self._blocks - 1)


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode({"type": kind, **fields}))


def _delta(index: int, kind: str, field: str, text: str) -> bytes:
    return _event("content_block_delta", index=index, delta={"type": kind, field: text})
