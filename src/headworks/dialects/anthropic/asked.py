"""What a Messages request asks, as a request of the task `chat`.

Hints for caching are not handed on, and neither are thoughts: they are signed for the model that had them. What would
have to be fetched, or would run at Anthropic, is refused by name.

Source: docs.anthropic.com, API reference, "Messages"; anthropic-sdk-python, types/message_create_params.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import json

from headworks.dialects.openai.body import refused

Turn = dict[str, Any]
Part = dict[str, Any]

_AT_THE_VENDOR = ("container", "mcp_servers", "context_management")
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_CHOICES: dict[str, Any] = {"auto": "auto", "any": "required", "none": "none"}
_FETCHED = "must be base64 data within the request; this service fetches nothing from addresses or stores of files"


def chat_request(document: Mapping[str, Any]) -> dict[str, Any]:
    """The request of the task `chat`.

    Raises: SchemaViolation (422), naming the field.
    """
    for name in _AT_THE_VENDOR:
        if document.get(name):
            raise refused(f"/{name}", "is not supported: it names something that is kept or runs at Anthropic")
    if document.get("max_tokens") is None:
        raise refused("/max_tokens", "is required")
    asked: dict[str, Any] = {"messages": _messages(document), "max_tokens": document["max_tokens"]}
    for name, ours in (("temperature", "temperature"), ("top_p", "top_p"), ("stop_sequences", "stop")):
        if document.get(name) not in (None, []):
            asked[ours] = document[name]
    tools = document.get("tools") or []
    if not isinstance(tools, list):
        raise refused("/tools", "must be of type array")
    if tools:
        asked["tools"] = [_tool(tool, f"/tools/{number}") for number, tool in enumerate(tools)]
        asked |= _tool_choice(document.get("tool_choice"))
    asked |= _format(document.get("output_config"))
    metadata = document.get("metadata")
    if isinstance(metadata, dict) and metadata.get("user_id") is not None:
        asked["user"] = metadata["user_id"]
    return asked


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
        if _kind(block, place) == "tool_result":
            turns.append(_tool_turn(block, place))
        else:
            parts.append(_part(block, place))
    if parts:
        turns.append({"role": "user", "content": _plain(parts)})


def _add_assistant(turns: list[Turn], blocks: list[Any], at: str) -> None:
    said, calls = "", []
    for number, block in enumerate(blocks):
        place = f"{at}/{number}"
        kind = _kind(block, place)
        if kind == "text":
            said += _string(block.get("text"), f"{place}/text")
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
        content = _plain([_part(each, f"{at}/content/{number}") for number, each in enumerate(content)])
    if block.get("is_error") and isinstance(content, list):
        content = [{"type": "text", "text": "Error:"}, *content]
    elif block.get("is_error") and isinstance(content, str):
        content = f"Error: {content}"
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content}


def _plain(parts: list[Part]) -> Any:
    """Text alone as one text, which every target reads; else the parts."""
    if all(part["type"] == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts) if len(parts) > 1 else parts[0]["text"]
    return parts


def _text(value: Any, at: str) -> str:
    if isinstance(value, list):
        texts = [_string(each.get("text") if isinstance(each, dict) else None, at) for each in value]
        return "\n\n".join(texts)
    return _string(value, at)


def _string(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise refused(at, "must be of type string")
    return value


def _kind(block: Any, at: str) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(kind, str):
        raise refused(f"{at}/type", "is required")
    return kind


def _part(block: Any, at: str) -> Part:
    read = _PARTS.get(_kind(block, at))
    if read is None:
        raise refused(f"{at}/type", f"must be one of {', '.join(_PARTS)}")
    return read(block, at)


def _text_part(block: Mapping[str, Any], at: str) -> Part:
    return {"type": "text", "text": _string(block.get("text"), f"{at}/text")}


def _image_part(block: Mapping[str, Any], at: str) -> Part:
    return {"type": "image_url", "image_url": {"url": _data_url(block, at)}}


def _document_part(block: Mapping[str, Any], at: str) -> Part:
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") == "text":
        return {"type": "text", "text": _string(source.get("data"), f"{at}/source/data")}
    file = {"filename": block.get("title") or "document.pdf", "file_data": _data_url(block, at)}
    return {"type": "file", "file": file}


def _data_url(block: Mapping[str, Any], at: str) -> str:
    source = block.get("source")
    if not isinstance(source, dict) or source.get("type") != "base64":
        raise refused(f"{at}/source/type", _FETCHED)
    media = _string(source.get("media_type"), f"{at}/source/media_type")
    return f"data:{media};base64,{_string(source.get('data'), f'{at}/source/data')}"


_PARTS: dict[str, Callable[[Mapping[str, Any], str], Part]] = {
    "text": _text_part,
    "image": _image_part,
    "document": _document_part,
}


def _tool(tool: Any, at: str) -> dict[str, Any]:
    if not isinstance(tool, dict) or tool.get("type", "custom") != "custom":
        raise refused(f"{at}/type", "must be custom or absent: tools that run at Anthropic are not offered here")
    names = (("name", "name"), ("description", "description"), ("input_schema", "parameters"))
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


def _format(config: Any) -> dict[str, Any]:
    """A JSON Schema that the answer must follow."""
    form = config.get("format") if isinstance(config, dict) else None
    if not form:
        return {}
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        raise refused("/output_config/format/type", "must be json_schema")
    schema = {"name": "answer", "schema": form.get("schema"), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}
