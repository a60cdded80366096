"""Errors as OpenAI's clients expect them: `{"error": {message, type, param, code}}`, and fields that steer their retries.

Source: openai-python, _base_client.py (`_should_retry`, `_parse_retry_after_header`) and _exceptions.py.
"""

from math import ceil
from typing import Any

from msgspec import json

from headworks.errors import HeadworksError
from headworks.values import Reply

LONGEST_OBEYED_WAIT_S = 60.0
"""The wait that every official client obeys; what takes longer is better told to the caller than slept through."""

TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}
"""`type` by status; other refusals are invalid requests, and what fails on our side are server errors."""

CODES = {
    "unauthenticated": "invalid_api_key",
    "budget_exhausted": "insufficient_quota",
    "not_found": "model_not_found",
    "rate_limited": "rate_limit_exceeded",
    "content_policy": "content_policy_violation",
}
"""OpenAI's names for what we name otherwise; every other code is our own."""

NOT_FOUND = "not_found"
_RETRIED_BY_CLIENTS = frozenset({408, 409, 429})


def refusal(error: HeadworksError, request_id: str, instance: str) -> Reply:
    """The reply that tells an error; see ports.Refusal."""
    return _told(error, request_id, error_document(error))


def thing_refusal(error: HeadworksError, request_id: str, instance: str) -> Reply:
    """The same where no model is asked: what is not found is no model."""
    document = error_document(error)
    if error.code == NOT_FOUND:
        document["error"]["code"] = NOT_FOUND
    return _told(error, request_id, document)


def _told(error: HeadworksError, request_id: str, document: dict[str, Any]) -> Reply:
    fields = (
        ("Content-Type", "application/json"),
        ("X-Request-Id", request_id),
        ("Cache-Control", "no-store"),
        *retry_fields(error),
        *challenge(error),
        *error.headers,
    )
    return Reply(error.status, fields, json.encode(document))


def error_document(error: HeadworksError) -> dict[str, Any]:
    """The body of an error, whole or within a stream."""
    first = error.errors[0].pointer if error.errors else ""
    return {
        "error": {
            "message": message(error),
            "type": TYPES.get(error.status) or ("invalid_request_error" if error.status < 500 else "server_error"),
            "param": dotted(first) or None,
            "code": CODES.get(error.code, error.code),
        }
    }


def message(error: HeadworksError) -> str:
    """What to tell a person: the error's text, and each field that is wrong."""
    said = [f"{dotted(each.pointer) or 'the body'} {each.message}" for each in error.errors]
    return f"{error.detail}: {'; '.join(said)}" if said else error.detail


def dotted(pointer: str) -> str:
    """A field as OpenAI names it: `messages[0].content` for `/messages/0/content`."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).removeprefix(".")


def retry_fields(error: HeadworksError) -> tuple[tuple[str, str], ...]:
    """When to come back, and a plain no where a client would try again in vain."""
    wait_s = error.retry_after_s
    fields: tuple[tuple[str, str], ...] = ()
    if wait_s is not None:
        fields = (("Retry-After", str(max(1, ceil(wait_s)))), ("retry-after-ms", str(max(1, ceil(wait_s * 1000)))))
    is_retried = error.status in _RETRIED_BY_CLIENTS or error.status >= 500
    if is_retried and (not error.retryable or (wait_s or 0.0) > LONGEST_OBEYED_WAIT_S):
        fields = (*fields, ("x-should-retry", "false"))
    return fields


def challenge(error: HeadworksError) -> tuple[tuple[str, str], ...]:
    """What a 401 must name, unless the error does."""
    is_named = any(name == "WWW-Authenticate" for name, _ in error.headers)
    return (("WWW-Authenticate", 'Bearer realm="headworks"'),) if error.status == 401 and not is_named else ()
