"""Requests to an existing web application behind an endpoint, and its answers, without what is ours or the connection's.

The application never sees the caller's key, and cannot speak for the connection or for the service.
"""

import msgspec

from headworks.values import Endpoint, Payload, RawRequest

Headers = tuple[tuple[str, str], ...]

_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
)
_NOT_FORWARDED = _CONNECTION | {"authorization", "x-api-key", "proxy-authorization", "expect", "content-encoding"}
_NOT_PASSED_BACK = _CONNECTION | {
    "date",
    "server",
    "x-request-id",
    "x-content-type-options",
    "strict-transport-security",
}

_encode = msgspec.json.Encoder().encode


def forwarded(raw: RawRequest, endpoint: Endpoint) -> Payload:
    """The request as the application gets it, its path relative to the endpoint's version."""
    path = raw.path.removeprefix(f"/api/{endpoint.name}/v{endpoint.version}") or "/"
    fields = [field for field in raw.headers.items() if field[0] not in _NOT_FORWARDED]
    head = {
        "method": raw.method,
        "path": path,
        "query": raw.query,
        "headers": [*fields, ("x-request-id", raw.request_id)],
    }
    return Payload(_encode(head), (("", raw.body),))


def passed_back(headers: Headers) -> Headers:
    """The application's fields that may reach the caller."""
    return tuple(field for field in headers if field[0].lower() not in _NOT_PASSED_BACK)
