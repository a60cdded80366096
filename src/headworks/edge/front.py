"""The service as an edge sees it: implements app_port.App over app.Service."""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from headworks.app import Service
from headworks.assembly.parts import largest_body_bytes
from headworks.edge.head import Head
from headworks.edge.limits import EdgeLimits
from headworks.edge.pages import Pages
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


class Front:
    """One edge's view of a service."""

    def __init__(self, service: Service) -> None:
        config = service.config
        self.limits = edge_limits(config)
        self.mint = RequestIds(service.clock).__call__  # bound once: to call an instance costs more
        self._parts = service.parts
        self._pages = Pages(config.cors.origins, int(parse_duration_s(config.cors.max_age)))
        self.serve = self._serve_shared if self._pages else self._serve_plain

    def _serve_plain(self, raw: RawRequest) -> Coroutine[Any, Any, Reply]:
        """The story's reply."""
        return serve(raw, self._parts)

    async def _serve_shared(self, raw: RawRequest) -> Reply:
        """The story's reply, readable by the pages of the configured origins."""
        asked = self._pages.preflight(raw)
        return (
            self._pages.readable(await serve(raw, self._parts), raw.headers.get("origin")) if asked is None else asked
        )

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
            return self._pages.readable(tell(error, raw.request_id, head.path), head.headers.get("origin"))
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
        return self._pages.readable(problem(error, self.mint(), head.path), headers.get("origin"))

    def problem(self, error: HeadworksError, request_id: str, path: str, origin: str | None = None) -> Reply:
        """See app_port.App; in the words of the path, as whoever sends a body there expects them."""
        tell: Refusal = problem
        with suppress(HeadworksError):
            tell = self._parts.refusals.get(self._parts.routes.match("POST", path).route.operation, problem)
        return self._pages.readable(tell(error, request_id, path), origin)


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
