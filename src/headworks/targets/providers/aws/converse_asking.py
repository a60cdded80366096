"""A chat as Bedrock's Converse takes it: system texts apart, turns that alternate, blocks of one kind each."""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.contract.tasks.chat import (
    AssistantMessage,
    DeveloperMessage,
    FilePart,
    ImagePart,
    Message,
    Part,
    RefusalPart,
    Request,
    SchemaFormat,
    SystemMessage,
    TextPart,
    Tool,
    ToolMessage,
    UserMessage,
)
from headworks.targets.providers.aws.converse_facts import CHOICES, DOCUMENT_FORMATS, IMAGE_FORMATS, MOST_TEMPERATURE
from headworks.targets.providers.chat_in import arguments_of, cannot, inline_of, parts_of, schema_of, stops_of, text_of

Block = dict[str, Any]
_NO_PARAMETERS = {"type": "object", "properties": {}}
_encode = msgspec.json.Encoder().encode


def conversation(request: Request, cap: int | None) -> dict[str, Any]:
    """The body of a Converse request.

    Raises: ProviderUnable for what Converse has no word for.
    """
    body: dict[str, Any] = {"messages": _turns(request.messages)}
    system = [
        {"text": text}
        for index, message in enumerate(request.messages)
        if isinstance(message, SystemMessage | DeveloperMessage)
        and (text := text_of(message.content, f"/messages/{index}"))
    ]
    temperature = None if request.temperature is None else min(request.temperature, MOST_TEMPERATURE)
    settings = {
        "maxTokens": cap,
        "temperature": temperature,
        "topP": request.top_p,
        "stopSequences": stops_of(request) or None,
    }
    parts = {
        "system": system,
        "inferenceConfig": {name: value for name, value in settings.items() if value is not None},
        "toolConfig": _tools(request),
        "outputConfig": _format(request),
    }
    return body | {name: part for name, part in parts.items() if part}


def _turns(messages: list[Message]) -> list[dict[str, Any]]:
    """Turns of user and assistant in turn; what one says in several messages is one turn, a tool's result the user's."""
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
    if isinstance(message, ToolMessage):
        content = [_block(part, f"{at}/content/{index}") for index, part in enumerate(parts_of(message.content))]
        return [{"toolResult": {"toolUseId": message.tool_call_id, "content": content or [{"text": ""}]}}]
    blocks = [_block(part, f"{at}/content/{index}") for index, part in enumerate(parts_of(message.content))]
    if not isinstance(message, AssistantMessage):
        return blocks
    for index, call in enumerate(message.tool_calls or ()):
        place = f"{at}/tool_calls/{index}"
        if call.function is None:
            raise cannot(place)
        given = arguments_of(call.function.arguments, f"{place}/function/arguments")
        blocks.append({"toolUse": {"toolUseId": call.id, "name": call.function.name, "input": given}})
    return blocks


def _block(part: Part, at: str) -> Block:
    if isinstance(part, TextPart):
        return {"text": part.text}
    if isinstance(part, RefusalPart):
        return {"text": part.refusal}
    inline = inline_of(part, at)
    formats = IMAGE_FORMATS if isinstance(part, ImagePart) else DOCUMENT_FORMATS if isinstance(part, FilePart) else {}
    form = formats.get(inline.media)
    if form is None:
        raise cannot(at)
    block = {"format": form, "source": {"bytes": inline.data}}
    return (
        {"image": block}
        if isinstance(part, ImagePart)
        else {"document": {**block, "name": at.strip("/").replace("/", "-")}}
    )


def _tools(request: Request) -> dict[str, Any]:
    """The tools; with `none` they stay only where the conversation already used some, as Converse then asks for them."""
    has_used = any(isinstance(message, ToolMessage) for message in request.messages)
    if not request.tools or (request.tool_choice == "none" and not has_used):
        return {}
    told: dict[str, Any] = {"tools": [_tool(tool, f"/tools/{index}") for index, tool in enumerate(request.tools)]}
    choice = request.tool_choice
    if isinstance(choice, str):
        return told | ({"toolChoice": {CHOICES[choice]: {}}} if choice in CHOICES else {})
    if choice is None:
        return told
    if choice.function is None:
        raise cannot("/tool_choice")
    return told | {"toolChoice": {"tool": {"name": choice.function.name}}}


def _tool(tool: Tool, at: str) -> dict[str, Any]:
    if tool.function is None:
        raise cannot(at)
    made: dict[str, Any] = {
        "name": tool.function.name,
        "inputSchema": {"json": tool.function.parameters or _NO_PARAMETERS},
    }
    return {"toolSpec": made | ({"description": tool.function.description} if tool.function.description else {})}


def _format(request: Request) -> dict[str, Any]:
    schema = schema_of(request)
    if schema is None:
        return {}
    named = {"schema": _encode(schema).decode()}
    if isinstance(request.response_format, SchemaFormat):
        named["name"] = request.response_format.json_schema.name
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": named}}}
