"""What every edge needs from the application: five members, so that tests serve a fake one."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from headworks.edge.head import Head
from headworks.edge.limits import EdgeLimits
from headworks.edge.rounds import Wait
from headworks.errors import HeadworksError
from headworks.units import RequestId
from headworks.values import RawRequest, Reply


class App(Protocol):
    """The application behind an edge."""

    @property
    def limits(self) -> EdgeLimits:
        """The edge's bounds."""

    def serve(self, raw: RawRequest) -> Coroutine[Any, Any, Reply]:
        """The reply to one whole request; awaits Pending only and answers refusals itself."""

    def precheck(self, head: Head) -> Reply | None:
        """A refusal that needs no body (401, 404, 405, 413), asked before a long one is received."""

    def shed(self, head: Head, headers: dict[str, str], peer: str, wait: Wait) -> Reply | None:
        """A refusal for load of a request that waits so long in the loop, before anything is spent on it."""

    def problem(self, error: HeadworksError, request_id: str, path: str, origin: str | None = None) -> Reply:
        """The reply to what the edge itself refuses, readable by the page that asked where its origin is a configured one."""

    def mint(self) -> RequestId:
        """A new request id."""
