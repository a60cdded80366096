"""The same application under any ASGI 3 server, or mounted inside another ASGI application.

It enforces Host, path, sizes and the body's deadline itself; what lies below ASGI (raw framing, idle sockets, slow
heads) is the server's, see docs/reference/http-guards.md. Source: asgi.readthedocs.io, HTTP and WebSocket 2.5, Lifespan 2.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headworks.edge.app_port import App
from headworks.edge.asgi_http import answer_http
from headworks.edge.asgi_scope import Receive, Scope, Send
from headworks.edge.asgi_ws import answer_websocket
from headworks.edge.gate import Gate
from headworks.edge.limits import Bind
from headworks.errors import HeadworksError
from headworks.units import Clock

_FAREWELL_S = 1.0


class AsgiEdge:
    """An ASGI application; the service behind it starts with the lifespan, or at the first request where there is none."""

    def __init__(
        self,
        start: Callable[[], Awaitable[App]],
        stop: Callable[[], Awaitable[None]],
        bind: Bind,
        clock: Clock,
        opened: Callable[[Gate], None] = lambda gate: None,
    ) -> None:
        self._opened = opened
        self._start = start
        self._stop = stop
        self._bind = bind
        self._clock = clock
        self._gate: Gate | None = None
        self._starting: asyncio.Task[Gate] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._live(receive, send)
        elif kind == "http":
            await answer_http(self._gate or await self._started(), scope, receive, send)
        elif kind == "websocket":
            await answer_websocket(self._gate or await self._started(), scope, receive, send)

    async def close(self) -> None:
        """Stop the service; for an application that mounts this one and has no lifespan to pass on."""
        gate, self._gate, self._starting = self._gate, None, None
        if gate is not None:
            await gate.drained(_FAREWELL_S)
            await self._stop()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._started()
        except HeadworksError as error:
            places = "; ".join(f"{fault.pointer}: {fault.message}" for fault in error.errors)
            await send({"type": "lifespan.startup.failed", "message": f"{error.detail} {places}".strip()})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _started(self) -> Gate:
        """The running service; everybody who asks while it starts waits for the same start."""
        if self._gate is not None:
            return self._gate
        if self._starting is None or self._starting.done():
            self._starting = asyncio.get_running_loop().create_task(self._open())
        return await asyncio.shield(self._starting)

    async def _open(self) -> Gate:
        gate = self._gate = Gate(await self._start(), self._bind, self._clock)
        self._opened(gate)
        return gate
