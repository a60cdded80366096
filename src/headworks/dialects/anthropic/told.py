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

NOT_ENDED: dict[str, str | None] = {"stop_reason": None, "stop_sequence": None}

_input = Decoder(dict[str, Any]).decode


class Form(Struct, frozen=True):
    """What the answer must repeat of the request, and whether thoughts are told.

    `is_same`: whether the endpoint's task has the path's own shape, so that nothing is translated.
    """

    model: str
    request_id: str
    has_thoughts: bool = False
    is_same: bool = False


def message(form: Form, content: list[Block], ended: dict[str, str | None], usage: UsageView | None) -> dict[str, Any]:
    """A Message; `ended` is what `ending` gives, and NOT_ENDED while it is under way."""
    return {
        "id": f"msg_{form.request_id}",
        "type": "message",
        "role": "assistant",
        "model": form.model,
        "content": content,
        **ended,
        "usage": used(usage),
    }


def whole_message(form: Form, view: ChatView) -> dict[str, Any]:
    """The Message of a chat answer that is there whole; its first choice is the answer.

    Raises: ContractViolation (502), for a call whose arguments are no JSON object.
    """
    content: list[Block] = []
    ended: dict[str, str | None] = {"stop_reason": "end_turn", "stop_sequence": None}
    if view.choices:
        choice, said = view.choices[0], view.choices[0].message
        ended = ending(choice.finish_reason, choice.stop_reason, said.refusal, has_calls=bool(said.tool_calls))
        if said.thoughts and form.has_thoughts:
            content.append({"type": "thinking", "thinking": said.thoughts, "signature": ""})
        if text := (said.content or "") + (said.refusal or ""):
            content.append({"type": "text", "text": text})
        content += [tool_use(form, number, call) for number, call in enumerate(said.tool_calls or ())]
    return message(form, content, ended, view.usage)


def ending(
    finish_reason: str | None, stopped_at: str | int | None, refusal: str | None, *, has_calls: bool
) -> dict[str, str | None]:
    """Why a Message ended, and the text it stopped at where the target tells one; some say `stop` where they call a tool."""
    reason = "refusal" if refusal else STOP_REASONS.get(finish_reason or "stop", "end_turn")
    if reason != "end_turn":
        return {"stop_reason": reason, "stop_sequence": None}
    if has_calls:
        return {"stop_reason": "tool_use", "stop_sequence": None}
    if isinstance(stopped_at, str):
        return {"stop_reason": "stop_sequence", "stop_sequence": stopped_at}
    return NOT_ENDED | {"stop_reason": reason}


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
