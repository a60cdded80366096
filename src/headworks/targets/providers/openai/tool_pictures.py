"""What a tool gave back beside text, shown by the user: OpenAI's dialect takes pictures and files from a person alone.

Source: OpenAI API, `POST /v1/chat/completions`, tool messages.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from headworks.targets.providers.openai.document import encode

Message = dict[str, Any]

_TOOL = b'"tool"'
_SHOWN = (b'"image_url"', b'"file"', b'"input_audio"')
_messages = msgspec.json.Decoder(list[Message]).decode


def shows_pictures(document: bytes) -> bool:
    """Whether a request may hold a tool's result that is more than text.

    Cost: two or three searches of the bytes.
    """
    if document.find(_TOOL) < 0:  # `in` raises an error inside and drops it: three times the time
        return False
    return any(word in document for word in _SHOWN)


def shown_by_the_user(messages: Raw) -> Raw:
    """The messages, with what tools showed in one user's message after each run of results; the results keep their texts."""
    made: list[Message] = []
    shown: list[Message] = []
    for message in _messages(messages):
        if message.get("role") != "tool":
            _show(made, shown)
        elif isinstance(message.get("content"), list):
            message = {**message, "content": _told(message, shown)}
        made.append(message)
    _show(made, shown)
    return Raw(encode(made))


def _told(message: Message, shown: list[Message]) -> list[Message] | str:
    """The texts of a result; all else is put to what is shown, under the id of the call."""
    content = message["content"]
    texts = [part for part in content if part.get("type") == "text"]
    others = [part for part in content if part.get("type") != "text"]
    if not others:
        return texts
    shown += [{"type": "text", "text": f"Result of the call {message.get('tool_call_id')}:"}, *others]
    return texts or "Shown in the next message of the user."


def _show(made: list[Message], shown: list[Message]) -> None:
    if shown:
        made.append({"role": "user", "content": shown.copy()})
        shown.clear()
