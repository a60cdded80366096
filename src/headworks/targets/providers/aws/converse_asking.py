"""A chat as Bedrock's Converse takes it: system texts apart, turns that alternate, blocks of one kind each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headworks.contract.tasks.chat import (
    AssistantMessage,
    AudioPart,
    FilePart,
    ImagePart,
    Part,
    RefusalPart,
    Request,
    SchemaFormat,
    TextPart,
    Tool,
    ToolMessage,
)
from headworks.targets.providers.anthropic.facts import effort_of
from headworks.targets.providers.aws.converse_facts import (
    AUDIO_FORMATS,
    CHOICES,
    DOCUMENT_FORMATS,
    IMAGE_FORMATS,
    MOST_TEMPERATURE,
)
from headworks.targets.providers.chat_in import (
    Block,
    Spoken,
    cannot,
    inline_of,
    object_schema,
    said_in,
    schema_of,
    stops_of,
    systems_of,
    turns_of,
    uses_of,
)

_KINDS: Mapping[type[Part], tuple[str, Mapping[str, str]]] = {
    ImagePart: ("image", IMAGE_FORMATS),
    FilePart: ("document", DOCUMENT_FORMATS),
    AudioPart: ("audio", AUDIO_FORMATS),
}
_encode = msgspec.json.Encoder().encode


def conversation(request: Request, model: str, cap: int | None) -> dict[str, Any]:
    """The body of a Converse request.

    Raises: ProviderUnable for what Converse has no word for.
    """
    body: dict[str, Any] = {"messages": turns_of(request.messages, _blocks)}
    system = [{"text": text} for text in systems_of(request.messages)]
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
        "outputConfig": {**_format(request), **effort_of(model, request.reasoning_effort)},
    }
    return body | {name: part for name, part in parts.items() if part}


def _blocks(message: Spoken, at: str) -> list[Block]:
    blocks = [_block(part, f"{at}/content/{index}") for index, part in enumerate(said_in(message))]
    if isinstance(message, ToolMessage):
        return [{"toolResult": {"toolUseId": message.tool_call_id, "content": blocks or [{"text": ""}]}}]
    if not isinstance(message, AssistantMessage):
        return blocks
    uses = ({"toolUseId": use.call.id, "name": use.name, "input": use.arguments} for use in uses_of(message, at))
    return [*blocks, *({"toolUse": use} for use in uses)]


def _block(part: Part, at: str) -> Block:
    if isinstance(part, TextPart):
        return {"text": part.text}
    if isinstance(part, RefusalPart):
        return {"text": part.refusal}
    inline = inline_of(part, at)
    kind, formats = _KINDS[type(part)]
    form = formats.get(inline.media.partition(";")[0])
    if form is None:
        raise cannot(at)
    named = {"name": at.strip("/").replace("/", "-")} if kind == "document" else {}
    return {kind: {"format": form, "source": {"bytes": inline.data}, **named}}


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
        "inputSchema": {"json": object_schema(tool.function.parameters)},
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
