"""A chat answer as a Message: its blocks, why it ended, what it used.

Source: anthropic-sdk-python, types/message.py and its parts.
"""

from typing import Any

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from headworks.dialects.chat_view import ChatView, ToolCallView, UsageView
from headworks.errors import ContractViolation

Block = dict[str, Any]

STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}

_input = Decoder(dict[str, Any]).decode


class Form(Struct, frozen=True):
    """What the answer must repeat of the request, and whether thoughts are told.

    `is_same`: whether the endpoint's task has the path's own shape, so that nothing is translated.
    """

    model: str
    request_id: str
    has_thoughts: bool = False
    is_same: bool = False


def message(form: Form, content: list[Block], stop_reason: str | None, usage: UsageView | None) -> dict[str, Any]:
    """A Message."""
    return {
        "id": f"msg_{form.request_id}",
        "type": "message",
        "role": "assistant",
        "model": form.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": used(usage),
    }


def whole_message(form: Form, view: ChatView) -> dict[str, Any]:
    """The Message of a chat answer that is there whole; its first choice is the answer.

    Raises: ContractViolation (502), for a call whose arguments are no JSON object.
    """
    content: list[Block] = []
    reason = "end_turn"
    if view.choices:
        said = view.choices[0].message
        reason = stop_reason(view.choices[0].finish_reason, has_calls=bool(said.tool_calls), refusal=said.refusal)
        if said.reasoning_content and form.has_thoughts:
            content.append({"type": "thinking", "thinking": said.reasoning_content, "signature": ""})
        if text := (said.content or "") + (said.refusal or ""):
            content.append({"type": "text", "text": text})
        content += [tool_use(form, number, call) for number, call in enumerate(said.tool_calls or ())]
    return message(form, content, reason, view.usage)


def stop_reason(finish_reason: str | None, *, has_calls: bool, refusal: str | None = None) -> str:
    """Why a Message ended; some targets say `stop` where they call a tool."""
    if refusal:
        return "refusal"
    reason = STOP_REASONS.get(finish_reason or "stop", "end_turn")
    return "tool_use" if has_calls and reason == "end_turn" else reason


def tool_use(form: Form, number: int, call: ToolCallView) -> Block:
    """The call of a tool.

    Raises: ContractViolation (502).
    """
    try:
        arguments = _input(call.function.arguments or "{}")
    except DecodeError as error:
        raise ContractViolation(reason=f"the arguments of a called tool are no JSON object: {error}") from None
    return {**tool_use_begun(form, number, call), "input": arguments}


def tool_use_begun(form: Form, number: int, call: ToolCallView) -> Block:
    """The call of a tool whose arguments are still to come."""
    name = call.id or f"toolu_{form.request_id}_{number}"
    return {"type": "tool_use", "id": name, "name": call.function.name or "", "input": {}}


def used(usage: UsageView | None) -> dict[str, int]:
    """Tokens as a Message tells them; cached ones are told apart. The numbers must be there, so unknown ones are 0."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    told = {"input_tokens": usage.prompt_tokens - usage.cached_tokens, "output_tokens": usage.completion_tokens}
    return {**told, "cache_read_input_tokens": usage.cached_tokens} if usage.cached_tokens else told
