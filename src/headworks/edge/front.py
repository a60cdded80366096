"""The service as an edge sees it: implements app_port.App over app.Service."""

import re
from collections.abc import Coroutine
from typing import Any

from msgspec import structs

from headworks.app import Service
from headworks.assembly.parts import largest_body_bytes
from headworks.edge.head import Head
from headworks.edge.limits import EdgeLimits
from headworks.edge.rounds import HOLD_S, Wait, is_too_late
from headworks.errors import HeadworksError, Overloaded
from headworks.ports import Refusal
from headworks.request.arrive import check_size
from headworks.request.identify import identify
from headworks.request.respond import problem
from headworks.request.story import serve
from headworks.settings import Config
from headworks.units import MILLISECOND_NS, SECOND_NS, RequestIds, parse_duration_s
from headworks.values import RawRequest, Reply

BUSY = "More requests wait to be read than can be answered before their deadlines."
LONGEST_SAID = 10
MOST_ASKED = 64
CORS_HEADERS = "Authorization, X-API-Key, Content-Type, Accept, Cache-Control, Idempotency-Key, X-Deadline-Ms, X-Request-Id, X-Subject"
CORS_METHODS = "GET, POST, PUT, PATCH, DELETE"
CORS_OF_CLIENTS = re.compile(r"(?:x-stainless|anthropic|openai|cache|inference)-[a-z0-9-]{1,64}")
"""What vendors' clients add of themselves: none of it says who calls."""
CORS_EXPOSED = (
    "X-Request-Id, Headworks-Target, Headworks-Model, Headworks-Version, Headworks-Degraded, Headworks-Cache, "
    "Headworks-Cache-Similarity, Age, RateLimit, RateLimit-Policy, Retry-After, Deprecation, Sunset, Link, Server-Timing"
)


class Front:
    """One edge's view of a service; `origins` are the web origins whose pages may call it."""

    def __init__(self, service: Service) -> None:
        config = service.config
        self.limits = edge_limits(config)
        self.mint = RequestIds(service.clock).__call__  # bound once: to call an instance costs more
        self._parts = service.parts
        self._origins = frozenset(config.cors.origins)
        self._max_age_s = int(parse_duration_s(config.cors.max_age))
        self.serve = self._serve_shared if self._origins else self._serve_plain

    def _serve_plain(self, raw: RawRequest) -> Coroutine[Any, Any, Reply]:
        """The story's reply."""
        return serve(raw, self._parts)

    async def _serve_shared(self, raw: RawRequest) -> Reply:
        """The story's reply, readable by the pages of the configured origins."""
        origin = raw.headers.get("origin")
        if origin is None or origin not in self._origins:
            return await serve(raw, self._parts)
        if raw.method == "OPTIONS" and "access-control-request-method" in raw.headers:
            return self._preflight(raw, origin)
        reply = await serve(raw, self._parts)
        shared = (
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", CORS_EXPOSED),
            ("Vary", "Origin"),
        )
        return structs.replace(reply, own_headers=(*reply.own_headers, *shared))

    def precheck(self, head: Head) -> Reply | None:
        """See app_port.App."""
        raw = RawRequest(
            self.mint(), head.method, head.path, head.query, head.headers, b"", head.peer,
            self._parts.clock.monotonic_ns(), head.is_secure,
        )  # fmt: skip
        route = "-"
        tell: Refusal = problem
        try:
            matched = self._parts.routes.match(head.method, head.path)
            route, tell = matched.route.template, self._parts.refusals.get(matched.route.operation, problem)
            check_size(matched.route, max(0, head.length))
            identify(raw, matched, self._parts.keys, self._parts.clock.wall_ns())
        except HeadworksError as error:
            self._parts.ledger.refuse(head.peer, route, error.code)
            return tell(error, raw.request_id, head.path)
        return None

    def shed(self, head: Head, headers: dict[str, str], peer: str, wait: Wait) -> Reply | None:
        """See app_port.App."""
        parts = self._parts
        try:
            matched = parts.routes.match(head.method, head.path)
            endpoint = parts.endpoints.of(matched)
        except (HeadworksError, LookupError):
            return None
        said = headers.get("x-deadline-ms", "")
        patience_ns = int(endpoint.timeout_s * SECOND_NS)
        if said.isascii() and said.isdigit() and len(said) < LONGEST_SAID:
            patience_ns = min(patience_ns, int(said) * MILLISECOND_NS)
        if not is_too_late(wait, patience_ns):
            return None
        error = Overloaded(BUSY, retry_after_s=HOLD_S)
        parts.ledger.refuse(peer, matched.route.template, error.code)
        return problem(error, self.mint(), head.path)

    def problem(self, error: HeadworksError, request_id: str, path: str) -> Reply:
        """See app_port.App; in the words of the path, as whoever sends a body there expects them."""
        try:
            operation = self._parts.routes.match("POST", path).route.operation
        except HeadworksError:
            return problem(error, request_id, path)
        return self._parts.refusals.get(operation, problem)(error, request_id, path)

    def _preflight(self, raw: RawRequest, origin: str) -> Reply:
        headers = (
            ("X-Request-Id", raw.request_id),
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", CORS_METHODS),
            ("Access-Control-Allow-Headers", _allowed(raw.headers.get("access-control-request-headers", ""))),
            ("Access-Control-Max-Age", str(self._max_age_s)),
            ("Vary", "Origin"),
        )
        return Reply(204, headers)


def _allowed(asked: str) -> str:
    """The headers a page may send: ours, and of those it asks for the ones that clients of vendors add."""
    names = (name.strip() for name in asked.lower().split(",", MOST_ASKED))
    return ", ".join((CORS_HEADERS, *filter(CORS_OF_CLIENTS.fullmatch, names)))


def edge_limits(config: Config) -> EdgeLimits:
    """The configured bounds of an edge."""
    server = config.server
    return EdgeLimits(
        max_body_bytes=largest_body_bytes(config),
        max_connections=server.max_connections,
        max_connections_per_peer=server.max_connections_per_peer,
        head_timeout_s=parse_duration_s(server.head_timeout),
        request_timeout_s=parse_duration_s(server.request_timeout),
        idle_timeout_s=parse_duration_s(server.idle_timeout),
    )
