"""A chat answer as a Response: its output items, why it is incomplete, what it used.

Source: openai-python, types/responses/response.py and its parts.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from headworks.dialects.chat_view import ChatView, ToolCallView, UsageView
from headworks.dialects.openai.body import Form
from headworks.errors import HeadworksError
from headworks.units import SECOND_NS, minted_wall_ns

Item = dict[str, Any]

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer is not whole, by a choice's finish reason."""

REPEATED = (
    "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "reasoning", "temperature", "text",
    "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip
"""What a Response repeats of its request."""

_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
}


def response(form: Form, status: str, output: list[Item], usage: UsageView | None = None) -> dict[str, Any]:
    """A Response so far; complete it with why it ended, where it is not `completed`."""
    created_s = (minted_wall_ns(form.request_id) or 0) // SECOND_NS
    return {
        "id": f"resp_{form.request_id}",
        "object": "response",
        "created_at": created_s,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        **_DEFAULTS,
        **form.asked,
        "model": form.model,
        "output": output,
        "previous_response_id": None,
        "store": False,
        "usage": None if usage is None else used(usage),
    }


def whole_response(form: Form, view: ChatView) -> dict[str, Any]:
    """The Response of a chat answer that is there whole; its first choice is the answer."""
    choice = view.choices[0] if view.choices else None
    output: list[Item] = []
    reason = INCOMPLETE.get((choice.finish_reason if choice is not None else None) or "")
    status = "completed" if reason is None else "incomplete"
    if choice is not None:
        said = choice.message
        parts = [
            *([text_part(said.content, choice.chances)] if said.content else ()),
            *([refusal_part(said.refusal)] if said.refusal else ()),
        ]
        if said.thoughts:
            output.append(reasoning_item(form, 0, status, [reasoning_part(said.thoughts)]))
        if parts or not said.tool_calls:
            output.append(message_item(form, len(output), status, parts))
        for call in said.tool_calls or ():
            output.append(call_item(form, len(output), status, call))
    told = response(form, status, output, view.usage)
    return told if reason is None else {**told, "incomplete_details": {"reason": reason}}


def message_item(form: Form, number: int, status: str, parts: list[Item]) -> Item:
    """What the assistant says."""
    name = f"msg_{form.request_id}_{number}"
    return {"id": name, "type": "message", "status": status, "role": "assistant", "content": parts}


def text_part(text: str, chances: Sequence[Raw] = ()) -> Item:
    """A text within a message, and the chances of its words where they were asked for."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": chances}


def refusal_part(text: str) -> Item:
    """A refusal within a message."""
    return {"type": "refusal", "refusal": text}


def reasoning_part(text: str) -> Item:
    """A text within a reasoning item."""
    return {"type": "reasoning_text", "text": text}


def reasoning_item(form: Form, number: int, status: str, parts: list[Item]) -> Item:
    """What the model thought, as far as the target tells it."""
    return {
        "id": f"rs_{form.request_id}_{number}",
        "type": "reasoning",
        "status": status,
        "summary": [],
        "content": parts,
    }


def call_item(form: Form, number: int, status: str, call: ToolCallView) -> Item:
    """The call of a tool."""
    return {
        "id": f"fc_{form.request_id}_{number}",
        "type": "function_call",
        "status": status,
        "call_id": call.id or f"call_{form.request_id}_{number}",
        "name": call.function.name or "",
        "arguments": call.function.arguments or "",
    }


def used(usage: UsageView) -> dict[str, Any]:
    """Tokens as a Response tells them."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def error_of(error: HeadworksError) -> dict[str, Any]:
    """The `error` of a Response that failed."""
    return {"code": error.code, "message": error.detail}
