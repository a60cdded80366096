"""What a Messages request asks, as a request of the task `chat`.

Hints for caching are not handed on, and neither are thoughts: they are signed for the model that had them. What would
have to be fetched, or would run at Anthropic, is refused by name.

Source: docs.anthropic.com, API reference, "Messages"; anthropic-sdk-python, types/message_create_params.py.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json

from headworks.dialects.anthropic.blocks import Part, kind_of, parts_of_block, plain, string
from headworks.dialects.openai.body import refused
from headworks.dialects.own_names import renamed

Turn = dict[str, Any]

_SAID_ALIKE = (("temperature", "temperature"), ("top_p", "top_p"), ("top_k", "top_k"), ("stop_sequences", "stop"))
_NAMES = {
    "/stop": "/stop_sequences",
    "/user": "/metadata/user_id",
    "/reasoning_effort": "/output_config/effort",
    "/response_format/json_schema": "/output_config/format",
    "/parameters": "/input_schema",
}
"""What is asked of a chat, and under which name it was asked here."""
_AT_THE_VENDOR = ("container", "mcp_servers", "context_management")
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_CHOICES: dict[str, Any] = {"auto": "auto", "any": "required", "none": "none"}


def chat_request(document: Mapping[str, Any]) -> dict[str, Any]:
    """The request of the task `chat`.

    Raises: SchemaViolation (422), naming the field.
    """
    for name in _AT_THE_VENDOR:
        if document.get(name):
            raise refused(f"/{name}", "is not supported: it names something that is kept or runs at Anthropic")
    if document.get("inference_geo"):
        raise refused("/inference_geo", "is not supported: where a chat is answered, its endpoint's targets say")
    if document.get("max_tokens") is None:
        raise refused("/max_tokens", "is required")
    asked: dict[str, Any] = {"messages": _messages(document), "max_tokens": document["max_tokens"]}
    for name, ours in _SAID_ALIKE:
        if document.get(name) not in (None, []):
            asked[ours] = document[name]
    tools = document.get("tools") or []
    if not isinstance(tools, list):
        raise refused("/tools", "must be of type array")
    if tools:
        asked["tools"] = [_tool(tool, f"/tools/{number}") for number, tool in enumerate(tools)]
        asked |= _tool_choice(document.get("tool_choice"))
    asked |= _output(document.get("output_config"))
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and metadata.get("user_id") is not None:
        asked["user"] = metadata["user_id"]
    return asked


def own_pointer(document: Mapping[str, Any], pointer: str) -> str:
    """A pointer into the chat that was made of this as one into it."""
    return renamed(pointer, _NAMES, lambda: _origins(document))


def _origins(document: Mapping[str, Any]) -> list[str]:
    """Of every turn, where it came from."""
    places = ["/system"] if document.get("system") else []
    for number, message in enumerate(document["messages"]):
        made = len(_messages({"messages": [message]}))
        places += [f"/messages/{number}/content"] * made
    return places


def wants_thoughts(document: Mapping[str, Any]) -> bool:
    """Whether what the model thought is to be told, where the target tells it."""
    thinking = document.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _messages(document: Mapping[str, Any]) -> list[Turn]:
    turns: list[Turn] = []
    system, messages = document.get("system"), document.get("messages")
    if system:
        turns.append({"role": "system", "content": _text(system, "/system")})
    if not isinstance(messages, list):
        raise refused("/messages", "must be of type array" if messages is not None else "is required")
    for number, message in enumerate(messages):
        at = f"/messages/{number}"
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise refused(f"{at}/role", "must be one of user, assistant")
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(blocks, list):
            raise refused(f"{at}/content", "must be a text or an array of blocks")
        add = _add_assistant if message["role"] == "assistant" else _add_user
        add(turns, blocks, f"{at}/content")
    return turns


def _add_user(turns: list[Turn], blocks: list[Any], at: str) -> None:
    """Results of tools are turns of their own and stand first; what else the person says follows."""
    parts: list[Part] = []
    for number, block in enumerate(blocks):
        place = f"{at}/{number}"
        if kind_of(block, place) == "tool_result":
            turns.append(_tool_turn(block, place))
        else:
            parts += parts_of_block(block, place)
    if parts:
        turns.append({"role": "user", "content": plain(parts)})


def _add_assistant(turns: list[Turn], blocks: list[Any], at: str) -> None:
    said, calls = "", []
    for number, block in enumerate(blocks):
        place = f"{at}/{number}"
        kind = kind_of(block, place)
        if kind == "text":
            said += string(block.get("text"), f"{place}/text")
        elif kind == "tool_use":
            function = {"name": block.get("name"), "arguments": json.encode(block.get("input") or {}).decode()}
            calls.append({"id": block.get("id"), "type": "function", "function": function})
        elif kind not in _THOUGHTS:
            raise refused(f"{place}/type", "must be one of text, tool_use, thinking, redacted_thinking")
    turn: Turn = {"role": "assistant", "content": said or None}
    turns.append({**turn, "tool_calls": calls} if calls else {**turn, "content": said})


def _tool_turn(block: Mapping[str, Any], at: str) -> Turn:
    content = block.get("content") or ""
    if isinstance(content, list):
        places = [(each, f"{at}/content/{number}") for number, each in enumerate(content)]
        content = plain([part for each, place in places for part in parts_of_block(each, place)])
    if block.get("is_error") and isinstance(content, list):
        content = [{"type": "text", "text": "Error:"}, *content]
    elif block.get("is_error") and isinstance(content, str):
        content = f"Error: {content}"
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content}


def _text(value: Any, at: str) -> str:
    if isinstance(value, list):
        texts = [string(each.get("text") if isinstance(each, dict) else None, at) for each in value]
        return "\n\n".join(texts)
    return string(value, at)


def _tool(tool: Any, at: str) -> dict[str, Any]:
    if not isinstance(tool, dict) or tool.get("type", "custom") != "custom":
        raise refused(f"{at}/type", "must be custom or absent: tools that run at Anthropic are not offered here")
    names = (
        ("name", "name"),
        ("description", "description"),
        ("input_schema", "parameters"),
        ("strict", "strict"),
    )
    return {"type": "function", "function": {ours: tool[theirs] for theirs, ours in names if tool.get(theirs)}}


def _tool_choice(choice: Any) -> dict[str, Any]:
    if choice is None:
        return {}
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "tool":
        chosen: Any = {"type": "function", "function": {"name": choice.get("name")}}
    elif isinstance(kind, str) and kind in _CHOICES:
        chosen = _CHOICES[kind]
    else:
        raise refused("/tool_choice/type", "must be one of auto, any, tool, none")
    parallel = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") else {}
    return {"tool_choice": chosen, **parallel}


def _output(config: Any) -> dict[str, Any]:
    """How hard to try, and the JSON Schema that the answer must follow."""
    if not isinstance(config, dict):
        return {}
    effort = {"reasoning_effort": config["effort"]} if config.get("effort") else {}
    form = config.get("format")
    if not form:
        return effort
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        raise refused("/output_config/format/type", "must be json_schema")
    schema = {"name": "answer", "schema": form.get("schema"), "strict": True}
    return {**effort, "response_format": {"type": "json_schema", "json_schema": schema}}
