"""An ASGI connection scope as a Head, under the guards that do not need the raw bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote

from msgspec import structs

from headworks.edge.gate import Gate
from headworks.edge.head import CHUNKED, Head, framed, joined, split_target
from headworks.errors import HeadTooLarge, UriTooLong

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_SECURE = frozenset({"https", "wss"})


def head_of(scope: Scope, gate: Gate) -> Head:
    """The head of this scope, with who sends it; a body whose length is not announced has the length CHUNKED.

    Raises: Malformed, HostRefused, HeadTooLarge, UriTooLong.
    """
    headers = _fields(scope["headers"], gate)
    path, query = split_target(_target(scope, gate))
    head = framed((scope.get("method", "GET"), path, query, False), headers)
    client = scope.get("client")
    peer, is_secure = (client[0] if client else ""), scope.get("scheme") in _SECURE
    if gate.proxies.has(peer):
        is_secure = is_secure or gate.proxies.is_secure(headers)
        peer = gate.proxies.origin(peer, headers)
    length = head.length if "content-length" in headers else CHUNKED
    return structs.replace(head, length=length, peer=peer, is_secure=is_secure)


def origin_of(scope: Scope) -> str:
    """The origin that a request names, also one that is refused unread; empty where it names none, or several."""
    found: list[bytes] = [value for name, value in scope["headers"] if name.lower() == b"origin"]
    return found[0].decode("latin-1") if len(found) == 1 else ""


def _fields(pairs: Iterable[tuple[bytes, bytes]], gate: Gate) -> dict[str, str]:
    limits = gate.limits
    fields: list[tuple[str, str]] = []
    size_bytes = 0
    for name, value in pairs:
        size_bytes += len(name) + len(value) + 4
        if len(fields) >= limits.max_fields or size_bytes > limits.max_head_bytes:
            raise HeadTooLarge(f"A head may have at most {limits.max_fields} fields and {limits.max_head_bytes} bytes")
        fields.append(gate.heads.field(name, value))
    return joined(fields)


def _target(scope: Scope, gate: Gate) -> bytes:
    raw = scope.get("raw_path")
    path: bytes = quote(scope["path"], safe="/!$&'()*+,;=:@-._~").encode() if raw is None else raw.partition(b"?")[0]
    root: bytes = scope.get("root_path", "").rstrip("/").encode()
    if root and path.startswith(root + b"/"):
        path = path[len(root) :]
    query: bytes = scope.get("query_string") or b""
    target = path + b"?" + query if query else path
    if len(target) > gate.limits.max_request_line_bytes:
        raise UriTooLong(f"The request target may have at most {gate.limits.max_request_line_bytes} bytes")
    return target
