"""GET /v1/models as Anthropic's clients expect it.

Source: anthropic-sdk-python, types/model_info.py (an unknown date is the epoch) and pagination.py.
"""

from typing import Any

from headworks.dialects.anthropic.events import encode

UNKNOWN_TIME = "1970-01-01T00:00:00Z"


def listed(names: list[str]) -> bytes:
    """The list, on one page."""
    first, last = (names[0], names[-1]) if names else (None, None)
    return encode({"data": [_model(name) for name in names], "has_more": False, "first_id": first, "last_id": last})


def one(name: str) -> bytes:
    """One of them."""
    return encode(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": UNKNOWN_TIME, "lifecycle": "active"}
