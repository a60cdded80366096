"""A chat as Gemini's contents: turns of user and model, functions, pictures, JSON by a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from headworks.contract.tasks.chat import (
    AssistantMessage,
    DeveloperMessage,
    Message,
    Part,
    RefusalPart,
    SystemMessage,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMessage,
)
from headworks.errors import FieldError, ProviderRefused
from headworks.targets.providers.chat_in import (
    AskedChat,
    cannot,
    inline_of,
    parts_of,
    said_in,
    systems_of,
    uses_of,
)
from headworks.targets.providers.gemini.facts import NO_SIGNATURE, SIGNS_CALLS
from headworks.targets.providers.gemini.generation import settings_of

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def contents(request: AskedChat, model: str, cap: int | None) -> dict[str, Any]:
    """The fields of a generateContent request.

    Raises: ProviderUnable for what Gemini has no word for.
    """
    asked: dict[str, Any] = {"contents": _turns(request.messages, model)}
    system = [{"text": text} for text in systems_of(request.messages)]
    if system:
        asked["systemInstruction"] = {"parts": system}
    config = settings_of(request, model, cap)
    if config:
        asked["generationConfig"] = config
    if request.tools:
        declared = [_declared(tool, f"/tools/{index}") for index, tool in enumerate(request.tools)]
        asked["tools"] = [{"functionDeclarations": declared}]
        if request.tool_choice is not None:
            asked["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    return asked


def _turns(messages: list[Message], model: str) -> list[dict[str, Any]]:
    """Turns of one role each; results of tools are told by the name of the function that was called."""
    turns: list[dict[str, Any]] = []
    called: dict[str, str] = {}
    for index, message in enumerate(messages):
        if isinstance(message, SystemMessage | DeveloperMessage):
            continue
        at = f"/messages/{index}"
        if isinstance(message, ToolMessage):
            parts = _results(message, called, at)
        else:
            parts = [_part(part, f"{at}/content/{place}") for place, part in enumerate(said_in(message))]
        if isinstance(message, AssistantMessage):
            parts += _calls(message, model, at)
            called.update((call.id, call.function.name) for call in message.tool_calls or () if call.function)
        role = "model" if isinstance(message, AssistantMessage) else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        elif parts:
            turns.append({"role": role, "parts": parts})
    return turns


def _part(part: Part, at: str) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"text": part.text}
    if isinstance(part, RefusalPart):
        return {"text": part.refusal}
    inline = inline_of(part, at)
    return {"inlineData": {"mimeType": inline.media, "data": inline.data}}


def _calls(message: AssistantMessage, model: str, at: str) -> Iterator[dict[str, Any]]:
    for index, use in enumerate(uses_of(message, at)):
        part: dict[str, Any] = {"functionCall": {"name": use.name, "args": use.arguments}}
        signature = _signature(use.call) or (NO_SIGNATURE if model.startswith(SIGNS_CALLS) and index == 0 else None)
        yield part if signature is None else {**part, "thoughtSignature": signature}


def _signature(call: ToolCall) -> str | None:
    """What the model signed the call with, where the caller handed it back."""
    theirs = (call.extra_content or {}).get("google")
    signature = theirs.get("thought_signature") if isinstance(theirs, dict) else None
    return signature if isinstance(signature, str) else None


def _results(message: ToolMessage, called: dict[str, str], at: str) -> list[dict[str, Any]]:
    """What a function gave back, its text as the response, and pictures beside it."""
    name = called.get(message.tool_call_id)
    if name is None:
        raise ProviderRefused(errors=(FieldError(f"{at}/tool_call_id", "must be the id of a call made before"),))
    given = [(_part(part, f"{at}/content/{place}")) for place, part in enumerate(parts_of(message.content))]
    text = "".join(part["text"] for part in given if "text" in part)
    try:
        response: object = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        response = {"result": text}
    shown = [part for part in given if "text" not in part]
    return [{"functionResponse": {"name": name, "response": response}}, *shown]


def _declared(tool: Tool, at: str) -> dict[str, Any]:
    if tool.function is None:
        raise cannot(at)
    declared: dict[str, Any] = {"name": tool.function.name}
    if tool.function.description:
        declared["description"] = tool.function.description
    if tool.function.parameters:
        declared["parametersJsonSchema"] = tool.function.parameters
    return declared


def _choice(choice: str | ToolChoice) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"mode": _MODES[choice]}
    if choice.function is None:
        raise cannot("/tool_choice")
    return {"mode": "ANY", "allowedFunctionNames": [choice.function.name]}
