"""The parts of the OpenAPI document that every operation shares: headers, errors, parameters."""

from collections.abc import Iterator, Mapping
from typing import Any

from headworks.contract.problem import MEDIA
from headworks.errors import HeadworksError

_HEADERS = {
    "X-Request-Id": "This call's id, also in its record.",
    "Headworks-Target": "What answered.",
    "Headworks-Version": "The version of the code or weights that answered.",
    "RateLimit": "What is left of each rate (draft-ietf-httpapi-ratelimit-headers-10).",
    "Deprecation": "Since when this version is deprecated (RFC 9745).",
    "Sunset": "When this version ends (RFC 8594).",
    "Link": "The successor of a deprecated version (RFC 8288).",
}
_EVERY_STATUS = (400, 401, 403, 404, 406, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504)


_DEADLINE = {"type": "integer", "minimum": 1, "maximum": 86_400_000}


def responses(content: Mapping[str, Any]) -> dict[str, Any]:
    """The responses of an operation: its answer, then every error."""
    headers = {name: {"description": told, "schema": {"type": "string"}} for name, told in _HEADERS.items()}
    answer = {"description": "The answer.", "headers": headers, "content": dict(content)}
    errors = {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in _EVERY_STATUS}
    return {"200": answer, **errors, "default": {"$ref": "#/components/responses/Problem"}}


def parameters() -> dict[str, Any]:
    """The headers a call may carry, by the name of their component."""
    return {
        "Deadline": _header("X-Deadline-Ms", "Answer within so many milliseconds, or not at all.", _DEADLINE),
        "Subject": _header(
            "X-Subject",
            "The person the call is about: the unit of encryption, export and erasure.",
            {"type": "string", "pattern": "^[A-Za-z0-9._:@+=/|~-]{1,256}$"},
        ),
        "IdempotencyKey": _header(
            "Idempotency-Key",
            "The same key and body are answered once, and then again from store.",
            {"type": "string", "pattern": "^[!-~]{1,255}$"},
        ),
        "ClientRequestId": _header(
            "X-Request-Id",
            "Your own id of the call, kept in its record.",
            {"type": "string", "pattern": "^[!-~]{1,128}$"},
        ),
    }


def _header(name: str, told: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": told, "schema": dict(schema)}


def _kinds(kind: type[HeadworksError]) -> Iterator[type[HeadworksError]]:
    """Every error that can be answered, below and with this one; others of status 500 have no name for the caller."""
    if "code" in vars(kind) and (kind.status != 500 or kind is HeadworksError):
        yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def _common() -> dict[str, Any]:
    """A problem response for each status, naming its codes, and one for any other."""
    found = {"Problem": _problem("Another error.")}
    for status in _EVERY_STATUS:
        kinds = [kind for kind in _kinds(HeadworksError) if kind.status == status]
        found[f"Error{status}"] = _problem("; ".join(f"`{kind.code}` {kind.title}" for kind in kinds))
        if status in {429, 503}:
            retry = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
            found[f"Error{status}"]["headers"] = {"Retry-After": retry}
    return found


def _problem(told: str) -> dict[str, Any]:
    return {"description": told, "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


COMMON = _common()
"""The responses of errors, by the name of their component."""
