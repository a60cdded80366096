"""Asks as the story would make them, and the check every answer must pass."""

import json
from typing import Any

from headworks.contract import tasks
from headworks.contract.schema import Schema
from headworks.targets.providers.wire import Answer, Ask


def text(inputs: str, **parameters: Any) -> Ask:
    row: dict[str, Any] = {"inputs": inputs}
    return Ask(json.dumps(row | ({"parameters": parameters} if parameters else {})).encode())


def picture(data: bytes, **parameters: Any) -> Ask:
    row = {"parameters": parameters} if parameters else {}
    return Ask(json.dumps(row).encode(), blobs=(("inputs", data),))


def document(answer: Answer, task: str) -> Any:
    """The reply, once it is held to the task's published schema."""
    found = json.loads(answer.document)
    assert answer.model
    assert Schema(tasks.schemas(task)[1]).errors(found) == ()
    return found
