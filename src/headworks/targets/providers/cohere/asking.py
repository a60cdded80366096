"""A chat in Cohere's words: near OpenAI's, but for names and bounds."""

from __future__ import annotations

from typing import Any

from headworks.contract.tasks.chat import (
    AssistantMessage,
    Content,
    DeveloperMessage,
    ImagePart,
    Message,
    RefusalPart,
    Request,
    SystemMessage,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMessage,
)
from headworks.targets.providers.chat_in import ANY_OBJECT, AskedChat, cannot, parts_of, schema_of, stops_of, top_k_of
from headworks.targets.providers.cohere.facts import MOST_TEMPERATURE

_SIMPLE = {
    "top_p": "p",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
_CHOICES = {"none": "NONE", "required": "REQUIRED"}


def conversation(request: AskedChat) -> dict[str, Any]:
    """The fields of a chat request.

    Raises: ProviderUnable for what Cohere has no word for.
    """
    asked: dict[str, Any] = {theirs: getattr(request, ours) for ours, theirs in _SIMPLE.items()}
    asked["messages"] = [_message(message, f"/messages/{index}") for index, message in enumerate(request.messages)]
    asked["k"] = top_k_of(request)
    asked["stop_sequences"] = stops_of(request) or None
    if request.temperature is not None:
        asked["temperature"] = min(request.temperature, MOST_TEMPERATURE)
    schema = schema_of(request)
    if schema is not None:
        asked["response_format"] = {"type": "json_object", **({} if schema is ANY_OBJECT else {"schema": schema})}
    if request.tools:
        asked |= _tools(request)
    return {name: value for name, value in asked.items() if value is not None}


def _message(message: Message, at: str) -> dict[str, Any]:
    if isinstance(message, ToolMessage):
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id,
            "content": _content(message.content, at, is_result=True),
        }
    if isinstance(message, SystemMessage | DeveloperMessage):
        return {"role": "system", "content": _content(message.content, at)}
    if not isinstance(message, AssistantMessage):
        return {"role": "user", "content": _content(message.content, at)}
    made: dict[str, Any] = {"role": "assistant"}
    calls = [_call(call, f"{at}/tool_calls/{index}") for index, call in enumerate(message.tool_calls or ())]
    if calls:
        made["tool_calls"] = calls
    content = _content(message.content, at) or message.refusal
    return {**made, "content": content} if content or not calls else made


def _content(content: Content | None, at: str, *, is_result: bool = False) -> str | list[dict[str, Any]]:
    if content is None or isinstance(content, str):
        return content or ""
    made: list[dict[str, Any]] = []
    for index, part in enumerate(parts_of(content)):
        if isinstance(part, ImagePart) and not is_result:
            made.append({"type": "image_url", "image_url": {"url": part.image_url.url}})
        elif isinstance(part, TextPart | RefusalPart):
            made.append({"type": "text", "text": part.text if isinstance(part, TextPart) else part.refusal})
        else:
            raise cannot(f"{at}/content/{index}")
    return made


def _call(call: ToolCall, at: str) -> dict[str, Any]:
    if call.function is None:
        raise cannot(at)
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool(tool: Tool, at: str) -> dict[str, Any]:
    if tool.function is None:
        raise cannot(at)
    function: dict[str, Any] = {
        "name": tool.function.name,
        "parameters": tool.function.parameters or {"type": "object"},
    }
    if tool.function.description:
        function["description"] = tool.function.description
    return {"type": "function", "function": function}


def _tools(request: Request) -> dict[str, Any]:
    """The tools and how to choose; Cohere can only be told whether to call any, so the one that must be called stands alone."""
    tools, choice = request.tools or [], request.tool_choice
    if isinstance(choice, ToolChoice):
        tools = [
            tool for tool in tools if tool.function and choice.function and tool.function.name == choice.function.name
        ]
        choice = "required"
        if not tools:
            raise cannot("/tool_choice")
    return {
        "tools": [_tool(tool, f"/tools/{index}") for index, tool in enumerate(tools)],
        "tool_choice": _CHOICES.get(choice or ""),
    }
