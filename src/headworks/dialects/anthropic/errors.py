"""Errors as Anthropic's clients expect them: `{"type": "error", "error": {type, message}, "request_id"}`.

Source: docs.anthropic.com, "Errors"; anthropic-sdk-python, _base_client.py and _client.py (`_make_status_error`).
"""

from typing import Any

from msgspec import json

from headworks.dialects.openai.errors import challenge, message, retry_fields
from headworks.dialects.openai.errors import error_document as openai_document
from headworks.errors import HeadworksError
from headworks.values import Reply

TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""`type` by status; other refusals are invalid requests, other failures are the service's."""


def refusal(error: HeadworksError, request_id: str, instance: str) -> Reply:
    """The reply that tells an error; see ports.Refusal."""
    return _told(error, request_id, error_document(error, request_id))


def either_refusal(error: HeadworksError, request_id: str, instance: str) -> Reply:
    """The same on a path that OpenAI's clients ask too: a body that both read."""
    ours, theirs = error_document(error, request_id), openai_document(error)
    return _told(error, request_id, {**ours, "error": {**theirs["error"], **ours["error"]}})


def _told(error: HeadworksError, request_id: str, document: dict[str, Any]) -> Reply:
    fields = (
        ("Content-Type", "application/json"),
        ("X-Request-Id", request_id),
        ("request-id", request_id),
        ("Cache-Control", "no-store"),
        *retry_fields(error),
        *challenge(error),
        *error.headers,
    )
    return Reply(error.status, fields, json.encode(document))


def error_document(error: HeadworksError, request_id: str) -> dict[str, Any]:
    """The body of an error, whole or within a stream."""
    kind = TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message(error)}, "request_id": request_id}
