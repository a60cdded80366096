"""What a Responses request asks, as a request of the task `chat`.

Input items become messages, `instructions` a system message, `text.format` a response format. What would need a memory
of earlier responses, or a tool that runs at OpenAI, is refused by name.

Source: platform.openai.com, API reference, "Responses"; openai-python, types/responses.
"""

from collections.abc import Callable, Mapping
from typing import Any

from headworks.dialects.openai.body import flag, refused
from headworks.dialects.own_names import renamed

Turn = dict[str, Any]

STATEFUL = ("previous_response_id", "conversation", "prompt", "context_management")
_SAME_IN_CHAT = (
    "temperature", "top_p", "parallel_tool_calls", "top_logprobs", "user", "service_tier", "prompt_cache_key", "safety_identifier",
)  # fmt: skip
LOGPROBS = "message.output_text.logprobs"
"""What `include` names where the chances of words are to be told."""
_NAMES = {
    "/max_completion_tokens": "/max_output_tokens",
    "/reasoning_effort": "/reasoning/effort",
    "/response_format/json_schema": "/text/format",
    "/response_format": "/text/format",
    "/verbosity": "/text/verbosity",
}
"""What is asked of a chat, and under which name it was asked here."""
_PARTS = "input_text, output_text, refusal, input_image with an image_url, or input_file with file_data"
_ROLES = frozenset({"user", "assistant", "system", "developer"})


def chat_request(document: Mapping[str, Any]) -> dict[str, Any]:
    """The request of the task `chat`.

    Raises: SchemaViolation (422), naming the field.
    """
    _refuse_memory(document)
    asked: dict[str, Any] = {name: document[name] for name in _SAME_IN_CHAT if document.get(name) is not None}
    asked["messages"] = _messages(document)
    if (most := document.get("max_output_tokens")) is not None:
        asked["max_completion_tokens"] = most
    if "top_logprobs" in asked or LOGPROBS in _list(document, "include"):
        asked["logprobs"] = True
    tools = [_tool(each, f"/tools/{number}") for number, each in enumerate(_list(document, "tools"))]
    if tools:
        asked["tools"] = tools
        if (choice := document.get("tool_choice")) is not None:
            asked["tool_choice"] = _tool_choice(choice)
    _add_format(asked, document.get("text"))
    effort = (_object(document, "reasoning")).get("effort")
    if effort is not None:
        asked["reasoning_effort"] = effort
    return asked


def own_pointer(document: Mapping[str, Any], pointer: str) -> str:
    """A pointer into the chat that was made of this as one into it."""
    return renamed(pointer, _NAMES, lambda: _origins(document))


def _origins(document: Mapping[str, Any]) -> list[str]:
    """Of every message, where it came from; calls stand with what the assistant said before them."""
    turns, places = _messages({**document, "input": ""})[:-1], []
    places += ["/instructions"] * len(turns)
    given = document["input"]
    for number, item in enumerate(given if isinstance(given, list) else ()):
        before = len(turns)
        _add_item(turns, item, f"/input/{number}")
        places += [f"/input/{number}"] * (len(turns) - before)
    return places or ["/input"]


def _refuse_memory(document: Mapping[str, Any]) -> None:
    for name in STATEFUL:
        if document.get(name):
            raise refused(f"/{name}", "is not supported: no response is kept here; send the whole conversation")
    for name in ("store", "background"):
        if flag(document, name):
            raise refused(f"/{name}", "must be false or absent: no response is kept here to be fetched later")


def _messages(document: Mapping[str, Any]) -> list[Turn]:
    instructions, given = document.get("instructions"), document.get("input")
    turns: list[Turn] = []
    if isinstance(instructions, str):
        turns.append({"role": "system", "content": instructions})
    elif instructions is not None:
        raise refused("/instructions", "must be of type string")
    if isinstance(given, str):
        return [*turns, {"role": "user", "content": given}]
    if not isinstance(given, list):
        raise refused("/input", "must be a text or an array of items" if given is not None else "is required")
    for number, item in enumerate(given):
        _add_item(turns, item, f"/input/{number}")
    return turns


def _add_item(turns: list[Turn], item: Any, at: str) -> None:
    """One input item: a message, a call of a tool, its result; what a model thought is left away."""
    if not isinstance(item, dict):
        raise refused(at, "must be of type object")
    kind = item.get("type", "message")
    add = _ITEMS.get(kind) if isinstance(kind, str) else None
    if add is None:
        raise refused(f"{at}/type", f"must be one of {', '.join(_ITEMS)}")
    add(turns, item, at)


def _add_message(turns: list[Turn], item: Mapping[str, Any], at: str) -> None:
    role = item.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise refused(f"{at}/role", f"must be one of {', '.join(sorted(_ROLES))}")
    content = item.get("content")
    if isinstance(content, list):
        content = [_part(part, f"{at}/content/{number}") for number, part in enumerate(content)]
        if role != "user":
            content = _texts(content, f"{at}/content")
    turns.append({"role": role, "content": content})


def _add_call(turns: list[Turn], item: Mapping[str, Any], at: str) -> None:
    """A call belongs to the assistant's turn before it, or begins one."""
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    call = {"id": item.get("call_id"), "type": "function", "function": function}
    if turns and turns[-1]["role"] == "assistant":
        turns[-1].setdefault("tool_calls", []).append(call)
    else:
        turns.append({"role": "assistant", "content": None, "tool_calls": [call]})


def _add_result(turns: list[Turn], item: Mapping[str, Any], at: str) -> None:
    output = item.get("output")
    if isinstance(output, list):
        output = [_part(part, f"{at}/output/{number}") for number, part in enumerate(output)]
        if all(part["type"] == "text" for part in output):
            output = "".join(part["text"] for part in output)
    turns.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": output})


def _add_nothing(turns: list[Turn], item: Mapping[str, Any], at: str) -> None:
    """Thoughts are read by the model that had them alone."""


_ITEMS: dict[str, Callable[[list[Turn], Mapping[str, Any], str], None]] = {
    "message": _add_message,
    "function_call": _add_call,
    "function_call_output": _add_result,
    "reasoning": _add_nothing,
}


def _part(part: Any, at: str) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("input_text", "output_text"):
        return {"type": "text", "text": _string(part.get("text"), f"{at}/text")}
    if kind == "refusal":
        return {"type": "text", "text": _string(part.get("refusal"), f"{at}/refusal")}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    if kind == "input_file" and isinstance(part.get("file_data"), str):
        named = {"filename": part["filename"]} if part.get("filename") else {}
        return {"type": "file", "file": {"file_data": part["file_data"], **named}}
    raise refused(f"{at}/type", f"must be {_PARTS}")


def _texts(parts: list[dict[str, Any]], at: str) -> str:
    """Parts of who only speaks, as one text."""
    for number, part in enumerate(parts):
        if part["type"] != "text":
            raise refused(
                f"{at}/{number}/type", "must be input_text, output_text or refusal: a user alone shows pictures"
            )
    return "".join(part["text"] for part in parts)


def _tool(tool: Any, at: str) -> dict[str, Any]:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise refused(f"{at}/type", "must be function: tools that run at a vendor are not offered here")
    names = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}}


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, dict) and choice.get("type") == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        named = [_function_named(tool, f"/tool_choice/tools/{at}") for at, tool in enumerate(_list(choice, "tools"))]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.get("mode"), "tools": named}}
    if isinstance(choice, str):
        return choice
    raise refused("/tool_choice", "must be auto, none, required, allowed_tools, or a function by its name")


def _function_named(tool: Any, at: str) -> dict[str, Any]:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise refused(f"{at}/type", "must be function")
    return {"type": "function", "function": {"name": tool.get("name")}}


def _add_format(asked: dict[str, Any], text: Any) -> None:
    """`text.format` and `text.verbosity`, where they ask for more than plain text."""
    if text is None:
        return
    if not isinstance(text, dict):
        raise refused("/text", "must be of type object")
    if text.get("verbosity") is not None:
        asked["verbosity"] = text["verbosity"]
    form = text.get("format") or {}
    kind = form.get("type") if isinstance(form, dict) else "no object"
    if kind == "json_schema":
        names = ("name", "description", "schema", "strict")
        schema = {name: form[name] for name in names if form.get(name) is not None}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif kind == "json_object":
        asked["response_format"] = {"type": "json_object"}
    elif kind not in (None, "text"):
        raise refused("/text/format/type", "must be text, json_object or json_schema")


def _string(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise refused(at, "must be of type string")
    return value


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if value is None or isinstance(value, list):
        return value or []
    raise refused(f"/{name}", "must be of type array")


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if value is None or isinstance(value, dict):
        return value or {}
    raise refused(f"/{name}", "must be of type object")
