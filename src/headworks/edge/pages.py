"""Which web origins' pages may call, and what tells a browser so (CORS). Source: WHATWG Fetch, section 3.3."""

import re
from collections.abc import Iterable, Mapping

from msgspec import structs

from headworks.values import RawRequest, Reply

MOST_ASKED = 64
CORS_HEADERS = "Authorization, X-API-Key, Content-Type, Accept, Cache-Control, Idempotency-Key, X-Deadline-Ms, X-Request-Id, X-Subject"
CORS_METHODS = "GET, POST, PUT, PATCH, DELETE"
CORS_OF_CLIENTS = re.compile(r"(?:x-stainless|anthropic|openai|cache|inference)-[a-z0-9-]{1,64}")
"""What vendors' clients add of themselves: none of it says who calls."""
CORS_EXPOSED = (
    "X-Request-Id, Headworks-Target, Headworks-Model, Headworks-Version, Headworks-Degraded, Headworks-Cache, "
    "Headworks-Cache-Similarity, Age, RateLimit, RateLimit-Policy, Retry-After, Deprecation, Sunset, Link, Server-Timing"
)
_LONGEST_HEAD_BYTES = 32 * 2**10
_ORIGIN = re.compile(rb"\r\norigin:[ \t]*([!-~]{1,255})[ \t]*(?=\r\n|\Z)", re.IGNORECASE)


class Pages:
    """The pages of the configured origins."""

    def __init__(self, origins: Iterable[str], max_age_s: int) -> None:
        self._origins = frozenset(origins)
        self._max_age_s = max_age_s

    def __bool__(self) -> bool:
        """Whether any page may call."""
        return bool(self._origins)

    def readable(self, reply: Reply, origin: str | None) -> Reply:
        """The reply, such that a page may read it if it is of a configured origin."""
        if origin is None or origin not in self._origins:
            return reply
        shared = (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", CORS_EXPOSED),
            ("Vary", "Origin"),
        )
        return structs.replace(reply, own_headers=(*reply.own_headers, *shared))

    def preflight(self, raw: RawRequest) -> Reply | None:
        """The answer to a browser that asks what a page of a configured origin may send; None for any other request."""
        headers = raw.headers
        origin = headers.get("origin")
        if raw.method != "OPTIONS" or "access-control-request-method" not in headers or origin not in self._origins:
            return None
        told = (
            ("X-Request-Id", raw.request_id),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", CORS_METHODS),
            ("Access-Control-Allow-Headers", _allowed(headers)),
            ("Access-Control-Max-Age", str(self._max_age_s)),
            ("Vary", "Origin"),
        )
        return Reply(204, told)


def origin_in(raw: bytes) -> str:
    """The origin that a head names which is refused unread; empty where it names none, or several."""
    head, _, _ = raw[:_LONGEST_HEAD_BYTES].partition(b"\r\n\r\n")
    found = _ORIGIN.findall(head)
    return found[0].decode("ascii") if len(found) == 1 else ""


def _allowed(headers: Mapping[str, str]) -> str:
    """The headers a page may send: ours, and of those it asks for the ones that clients of vendors add."""
    asked = headers.get("access-control-request-headers", "").lower().split(",", MOST_ASKED)
    return ", ".join((CORS_HEADERS, *filter(CORS_OF_CLIENTS.fullmatch, map(str.strip, asked))))
