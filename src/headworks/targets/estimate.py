"""How many tokens a conversation has, estimated: the last target of every count, where nobody can tell or nobody answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import ceil
from typing import Any, NamedTuple

from msgspec import json

from headworks.contract.tasks.token_count import Reply
from headworks.pending import Pending, driven
from headworks.ports import Offload
from headworks.values import Call, Opening, Outcome

NAME = "estimate:tokens"
"""No model is named so: theirs have no colon."""
ESTIMATED = ("Headworks-Estimated", "input_tokens")

BYTES_A_TOKEN = 4
"""Of UTF-8 text. English is near it; other languages and code have fewer bytes a token, so more tokens than estimated."""
TOKENS_A_TURN = 4
TOKENS_A_PICTURE = 1600
"""What a picture of about one megapixel takes."""
OFF_LOOP_BYTES = 256 * 1024

_UNSPOKEN = frozenset({"type", "id", "role", "tool_use_id", "tool_call_id", "signature", "cache_control"})
"""Fields that a model is not told, or not as text."""
_PICTURES = frozenset({"image", "image_url", "document", "file", "input_audio"})
"""Types of parts that are no text."""

_decode = json.Decoder().decode
_encode = json.Encoder().encode


class Estimate:
    """Answers counts of tokens by the size of what is said; implements values.Target.

    Cost: 10 µs a kilobyte, above 256 KiB on a thread.
    """

    name = NAME

    def __init__(self, offload: Offload) -> None:
        self._offload = offload

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """See values.Target; the answer says that it is an estimate."""
        return driven(self._answered(call.payload.document))

    def predicted_wait_ns(self, rows: int) -> int:
        """Nothing: it waits for nobody."""
        return 0

    def load(self) -> float:
        """Nothing; see values.Target."""
        return 0.0

    async def _answered(self, document: bytes) -> Outcome:
        is_short = len(document) <= OFF_LOOP_BYTES
        tokens = _estimated(document) if is_short else await self._offload(partial(_estimated, document))
        return Outcome(_encode(Reply(tokens)), NAME, "", headers=(ESTIMATED,), cost_micros=0)


def estimated_tokens(asked: Mapping[str, Any]) -> int:
    """Tokens of a conversation in OpenAI's or Anthropic's form: text by its bytes, turns and pictures at a flat rate."""
    turns = asked["messages"]
    said = _weight([turns, asked.get("system")])
    size_bytes = said.size_bytes + sum(len(_encode(tool.get("function", tool))) for tool in asked.get("tools") or ())
    return ceil(size_bytes / BYTES_A_TOKEN) + TOKENS_A_TURN * len(turns) + TOKENS_A_PICTURE * said.pictures


def _estimated(document: bytes) -> int:
    return estimated_tokens(_decode(document))


class _Weight(NamedTuple):
    size_bytes: int = 0
    pictures: int = 0


def _weight(value: Any) -> _Weight:
    """What is said within a part of a conversation; arguments of tools count as the JSON that they are."""
    if isinstance(value, str):
        return _Weight(len(value.encode()))
    if isinstance(value, dict):
        if value.get("type") in _PICTURES:
            return _Weight(pictures=1)
        parts = [
            _json_weight(v) if name == "input" else _weight(v) for name, v in value.items() if name not in _UNSPOKEN
        ]
    else:
        parts = [_weight(each) for each in value] if isinstance(value, list) else []
    return _Weight(sum(part.size_bytes for part in parts), sum(part.pictures for part in parts))


def _json_weight(value: Any) -> _Weight:
    return _Weight(len(_encode(value)))
