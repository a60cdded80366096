"""A chat as Anthropic's messages: system texts apart, turns that alternate, tools, pictures, JSON by a tool that must be called."""

from __future__ import annotations

from typing import Any

from headworks.contract.tasks.chat import (
    AssistantMessage,
    DeveloperMessage,
    FilePart,
    Message,
    Part,
    RefusalPart,
    Request,
    SystemMessage,
    TextPart,
    Tool,
    ToolChoice,
    ToolMessage,
    UserMessage,
)
from headworks.targets.providers.anthropic.facts import ANSWER_TOOL, MOST_TEMPERATURE, is_sampled
from headworks.targets.providers.chat_in import (
    arguments_of,
    cannot,
    inline_of,
    parts_of,
    schema_of,
    stops_of,
    text_of,
)

Block = dict[str, Any]
_NO_PARAMETERS = {"type": "object", "properties": {}}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def conversation(request: Request, model: str) -> dict[str, Any]:
    """The fields of a messages request that say what was said and what may be done; what the model refuses is left out.

    Raises: ProviderUnable for what Anthropic has no word for.
    """
    asked: dict[str, Any] = {"messages": _turns(request.messages)}
    system = _system(request.messages)
    if system:
        asked["system"] = system
    _add_tools(asked, request)
    stops = stops_of(request)
    if stops:
        asked["stop_sequences"] = stops
    if is_sampled(model):
        asked |= _sampling(request)
    if request.user:
        asked["metadata"] = {"user_id": request.user}
    return asked


def _sampling(request: Request) -> dict[str, float]:
    """One of the two: models of version 4 take no both."""
    if request.temperature is not None:
        return {"temperature": min(request.temperature, MOST_TEMPERATURE)}
    return {} if request.top_p is None else {"top_p": request.top_p}


def _system(messages: list[Message]) -> str:
    texts = [
        text_of(message.content, f"/messages/{index}")
        for index, message in enumerate(messages)
        if isinstance(message, SystemMessage | DeveloperMessage)
    ]
    return "\n\n".join(text for text in texts if text)


def _turns(messages: list[Message]) -> list[dict[str, Any]]:
    """Turns with blocks; neighbours of one role become one, as results of tools must stand in one turn."""
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        if isinstance(message, SystemMessage | DeveloperMessage):
            continue
        role = "assistant" if isinstance(message, AssistantMessage) else "user"
        blocks = _blocks(message, f"/messages/{index}")
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: UserMessage | AssistantMessage | ToolMessage, at: str) -> list[Block]:
    blocks = [_block(part, f"{at}/content/{index}") for index, part in enumerate(parts_of(message.content))]
    if isinstance(message, ToolMessage):
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": blocks}]
    if isinstance(message, AssistantMessage):
        for index, call in enumerate(message.tool_calls or ()):
            place = f"{at}/tool_calls/{index}"
            if call.function is None:
                raise cannot(place)
            told = arguments_of(call.function.arguments, f"{place}/function/arguments")
            blocks.append({"type": "tool_use", "id": call.id, "name": call.function.name, "input": told})
    return blocks


def _block(part: Part, at: str) -> Block:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, RefusalPart):
        return {"type": "text", "text": part.refusal}
    inline = inline_of(part, at)
    kind = "document" if isinstance(part, FilePart) else "image"
    return {"type": kind, "source": {"type": "base64", "media_type": inline.media, "data": inline.data}}


def _add_tools(asked: dict[str, Any], request: Request) -> None:
    tools = [_tool(tool, f"/tools/{index}") for index, tool in enumerate(request.tools or ())]
    choice = _choice(request.tool_choice)
    schema = schema_of(request)
    if schema is not None:
        about = "Give the answer to the person, as JSON."
        tools.append({"name": ANSWER_TOOL, "description": about, "input_schema": schema})
        choice = {"type": "any"} if request.tools else {"type": "tool", "name": ANSWER_TOOL}
    if not tools:
        return
    asked["tools"] = tools
    if request.parallel_tool_calls is False and choice.get("type") != "none":
        choice = {"type": "auto", **choice, "disable_parallel_tool_use": True}
    if choice:
        asked["tool_choice"] = choice


def _tool(tool: Tool, at: str) -> dict[str, Any]:
    if tool.function is None:
        raise cannot(at)
    made = {"name": tool.function.name, "input_schema": tool.function.parameters or _NO_PARAMETERS}
    return {**made, "description": tool.function.description} if tool.function.description else made


def _choice(choice: str | ToolChoice | None) -> dict[str, Any]:
    if choice is None:
        return {}
    if isinstance(choice, str):
        return {"type": _CHOICES[choice]}
    if choice.function is None:
        raise cannot("/tool_choice")
    return {"type": "tool", "name": choice.function.name}
