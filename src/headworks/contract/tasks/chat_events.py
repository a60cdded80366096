"""A chat answer from its chunks, and chunks from an answer: the same words in the two forms of the task.

What comes in stretches is joined (text, arguments, thoughts, log probabilities); of anything else the last word counts.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import ValidationError, json

_WHOLE, _CHUNK = "chat.completion", "chat.completion.chunk"
_SAID_ONCE = frozenset({"role", "id", "type", "name"})
_JOINED = (str, list)
_TOLD_APART = frozenset({"index", "delta", "logprobs"})
"""What of a chunk's choice is not simply its last word."""
_BEGINS_OR_ENDS = frozenset({"index", "message", "logprobs", "finish_reason"})


def assembled(events: Iterable[bytes]) -> bytes:
    """The whole answer that these chunks are the parts of.

    Raises: DecodeError, ValidationError; ValueError when there is no answer in them.
    """
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        chunk = _object(event)
        for part in chunk.pop("choices", None) or ():
            _add(choices.setdefault(part.get("index", 0), {"message": {"role": "assistant", "content": None}}), part)
        whole |= {name: value for name, value in chunk.items() if value is not None and name not in _first(whole)}
    if not choices:
        raise ValueError("no event holds a choice")
    answered = [{"index": index, **_ended(choice)} for index, choice in sorted(choices.items())]
    return json.encode({**whole, "object": _WHOLE, "choices": answered})


def events_of(reply: bytes) -> list[bytes]:
    """The chunks of a whole answer: what is said, why it ends, what it used.

    Raises: DecodeError, ValidationError.
    """
    whole = _object(reply)
    usage, choices = whole.pop("usage", None), whole.pop("choices", None) or ()
    head = {**whole, "object": _CHUNK}
    events: list[dict[str, Any]] = []
    for choice in choices:
        index, said = choice.get("index", 0), dict(choice.get("message") or {})
        calls = said.pop("tool_calls", None)
        delta = {name: value for name, value in said.items() if value is not None}
        if calls:
            delta["tool_calls"] = [{"index": number, **call} for number, call in enumerate(calls)]
        logprobs = {"logprobs": choice["logprobs"]} if choice.get("logprobs") else {}
        begun = {"index": index, "delta": delta, "finish_reason": None, **logprobs}
        more = {name: value for name, value in choice.items() if name not in _BEGINS_OR_ENDS and value is not None}
        ended = {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason") or "stop", **more}
        events += [{**head, "choices": [begun]}, {**head, "choices": [ended]}]
    if usage is not None:
        events.append({**head, "choices": [], "usage": usage})
    return [json.encode(event) for event in events]


def _first(whole: dict[str, Any]) -> frozenset[str]:
    """What the first chunk says for all of them."""
    return frozenset({"id", "created", "model"} & whole.keys())


def _add(choice: dict[str, Any], part: dict[str, Any]) -> None:
    """Take one part of a choice in."""
    _join(choice["message"], part.get("delta") or {})
    logprobs = part.get("logprobs")
    if logprobs is not None:
        _join(choice.setdefault("logprobs", {}), logprobs)
    choice.update((name, value) for name, value in part.items() if value is not None and name not in _TOLD_APART)


def _join(whole: dict[str, Any], part: dict[str, Any]) -> None:
    for name, value in part.items():
        before: Any = whole.get(name)
        if value is None:
            whole.setdefault(name, None)
        elif name == "tool_calls":
            whole[name] = _joined_calls(before or [], value)
        elif type(before) is type(value) and type(value) in _JOINED and name not in _SAID_ONCE:
            whole[name] = before + value
        elif isinstance(value, dict) and isinstance(before, dict):
            _join(before, value)
        else:
            whole[name] = value


def _joined_calls(calls: list[dict[str, Any]], parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls of tools, each known by its index while it comes."""
    known = {call["index"]: call for call in calls}
    for part in parts:
        index = part.get("index", 0)
        _join(known.setdefault(index, {"index": index, "type": "function"}), part)
    return list(known.values())


def _ended(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice once nothing more comes, with a reason for its end where the target gave none."""
    calls = choice["message"].get("tool_calls")
    for call in calls or ():
        del call["index"]
        if call["type"] == "function":
            call.setdefault("function", {}).setdefault("arguments", "")
    return {"finish_reason": "tool_calls" if calls else "stop", **choice}


def _object(text: bytes) -> dict[str, Any]:
    decoded = json.decode(text)
    if not isinstance(decoded, dict):
        raise ValidationError("not an object")
    return decoded
