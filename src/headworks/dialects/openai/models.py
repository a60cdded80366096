"""GET /v1/models: the endpoints a caller may use, under each name they can be asked for.

Source: openai-python, types/model.py.
"""

from collections.abc import Iterable
from typing import Any

from headworks.dialects.openai.body import encode

UNKNOWN_S = 0
"""When an endpoint was made is not known."""


def listed(names: Iterable[str]) -> bytes:
    """The list."""
    return encode({"object": "list", "data": [_model(name) for name in names], "has_more": False})


def one(name: str) -> bytes:
    """One of them."""
    return encode(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": UNKNOWN_S, "owned_by": "headworks"}
