"""Errors as the caller reads them: problem details, with a string member `error` for those who read one field only.

Source: RFC 9457.
"""

from typing import Any

import msgspec

from headworks.errors import HeadworksError

MEDIA = "application/problem+json"
TYPE = "urn:headworks:error:"

_encode = msgspec.json.Encoder().encode


def problem_json(error: HeadworksError, request_id: str, instance: str) -> bytes:
    """The problem document of an error; it holds nothing but what the error says to the caller."""
    document: dict[str, Any] = {
        "type": TYPE + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "error": _in_one_line(error),
        "request_id": request_id,
    }
    if error.errors:
        document["errors"] = error.errors
    if error.retryable:
        document["retryable"] = True
    return _encode(document)


def _in_one_line(error: HeadworksError) -> str:
    """The error for whoever reads one field only: with the first field that is wrong."""
    text = f"{error.title}: {error.detail}" if error.detail != error.title else error.title
    if not error.errors:
        return text
    first = error.errors[0]
    return f"{text.rstrip('.')}: {first.pointer or 'the body'} {first.message}"


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "error", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "description": "A stable name of the error, to decide on."},
        "error": {"type": "string", "description": "Title and detail in one line."},
        "request_id": {"type": "string"},
        "retryable": {"type": "boolean"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901 pointer into the body."},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
"""The JSON Schema of a problem document."""
