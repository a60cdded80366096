"""A chat as Anthropic's messages: system texts apart, turns that alternate, tools, pictures, JSON by a tool that must be called."""

from __future__ import annotations

from typing import Any

from headworks.contract.tasks.chat import (
    AssistantMessage,
    AudioPart,
    FilePart,
    Part,
    RefusalPart,
    Request,
    TextPart,
    Tool,
    ToolChoice,
    ToolMessage,
)
from headworks.targets.providers.anthropic.facts import (
    ANSWER_TOOL,
    MOST_TEMPERATURE,
    PDF,
    TEXTS,
    effort_of,
    is_sampled,
)
from headworks.targets.providers.chat_in import (
    AskedChat,
    Block,
    Inline,
    Spoken,
    cannot,
    inline_of,
    object_schema,
    plain_text,
    said_in,
    schema_of,
    stops_of,
    systems_of,
    top_k_of,
    turns_of,
    uses_of,
)

_CALLS_FIRST = frozenset({"any", "tool"})
"""Choices by which a tool of the caller's is called now, so that there is no answer to give in JSON yet."""
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def conversation(request: AskedChat, model: str) -> dict[str, Any]:
    """The fields of a messages request that say what was said and what may be done; what the model refuses is left out.

    Raises: ProviderUnable for what Anthropic has no word for.
    """
    asked: dict[str, Any] = {"messages": turns_of(request.messages, _blocks)}
    systems = systems_of(request.messages)
    if systems:
        asked["system"] = "\n\n".join(systems)
    _add_tools(asked, request)
    stops = stops_of(request)
    if stops:
        asked["stop_sequences"] = stops
    if is_sampled(model):
        asked |= _sampling(request)
    if effort := effort_of(model, request.reasoning_effort):
        asked["output_config"] = effort
    if request.user:
        asked["metadata"] = {"user_id": request.user}
    return asked


def _sampling(request: AskedChat) -> dict[str, float]:
    """One of the first two: models of version 4 take no both."""
    top_k = top_k_of(request)
    said: dict[str, float] = {} if top_k is None else {"top_k": top_k}
    if request.temperature is not None:
        return {**said, "temperature": min(request.temperature, MOST_TEMPERATURE)}
    return said if request.top_p is None else {**said, "top_p": request.top_p}


def _blocks(message: Spoken, at: str) -> list[Block]:
    blocks = [_block(part, f"{at}/content/{index}") for index, part in enumerate(said_in(message))]
    if isinstance(message, ToolMessage):
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": blocks}]
    if isinstance(message, AssistantMessage):
        blocks += [
            {"type": "tool_use", "id": use.call.id, "name": use.name, "input": use.arguments}
            for use in uses_of(message, at)
        ]
    return blocks


def _block(part: Part, at: str) -> Block:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, RefusalPart):
        return {"type": "text", "text": part.refusal}
    if isinstance(part, AudioPart):
        raise cannot(at)
    inline = inline_of(part, at)
    if not isinstance(part, FilePart):
        return {"type": "image", "source": _source(inline)}
    if not inline.media.startswith((PDF, TEXTS)):
        raise cannot(f"{at}/file/file_data")
    titled = {"title": part.file.filename} if part.file.filename else {}
    return {"type": "document", "source": _document(inline, f"{at}/file/file_data"), **titled}


def _document(inline: Inline, at: str) -> Block:
    """A document's pages, or its text: another form of it Anthropic does not read."""
    if inline.media.startswith(PDF):
        return _source(inline)
    return {"type": "text", "media_type": "text/plain", "data": plain_text(inline, at)}


def _source(inline: Inline) -> Block:
    return {"type": "base64", "media_type": inline.media, "data": inline.data}


def _add_tools(asked: dict[str, Any], request: Request) -> None:
    tools = [_tool(tool, f"/tools/{index}") for index, tool in enumerate(request.tools or ())]
    choice = _choice(request.tool_choice)
    schema = schema_of(request)
    if schema is not None and choice.get("type") not in _CALLS_FIRST:
        about = "Give the answer to the person, as JSON."
        tools.append({"name": ANSWER_TOOL, "description": about, "input_schema": object_schema(schema)})
        may_call = request.tools and choice.get("type") != "none"
        choice = {"type": "any"} if may_call else {"type": "tool", "name": ANSWER_TOOL}
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
    made = {"name": tool.function.name, "input_schema": object_schema(tool.function.parameters)}
    return {**made, "description": tool.function.description} if tool.function.description else made


def _choice(choice: str | ToolChoice | None) -> dict[str, Any]:
    if choice is None:
        return {}
    if isinstance(choice, str):
        return {"type": _CHOICES[choice]}
    if choice.function is None:
        raise cannot("/tool_choice")
    return {"type": "tool", "name": choice.function.name}
