"""How many tokens a conversation has, estimated: no target is asked, since few can tell."""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from msgspec import json

BYTES_A_TOKEN = 4
"""Of UTF-8 text. English is near it; other languages and code have fewer bytes a token, so more tokens than estimated."""

TOKENS_A_TURN = 4
TOKENS_A_PICTURE = 1600
"""What a picture of about one megapixel takes."""


def estimated_tokens(asked: Mapping[str, Any]) -> int:
    """Tokens of a request of the task `chat`: text by its bytes, turns and pictures at a flat rate."""
    turns = asked["messages"]
    texts = [*(text for turn in turns for text in _texts(turn)), *_tools(asked)]
    size_bytes = sum(len(text.encode()) for text in texts)
    return ceil(size_bytes / BYTES_A_TOKEN) + TOKENS_A_TURN * len(turns) + TOKENS_A_PICTURE * sum(map(_pictures, turns))


def _texts(turn: Mapping[str, Any]) -> Iterator[str]:
    content = turn.get("content")
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        yield part.get("text", "")
    for call in turn.get("tool_calls") or ():
        yield str(call["function"]["name"])
        yield str(call["function"]["arguments"])


def _tools(asked: Mapping[str, Any]) -> Iterator[str]:
    for tool in asked.get("tools") or ():
        yield json.encode(tool["function"]).decode()


def _pictures(turn: Mapping[str, Any]) -> int:
    content = turn.get("content")
    return sum(part["type"] != "text" for part in content) if isinstance(content, list) else 0
