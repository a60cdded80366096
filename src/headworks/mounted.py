"""`headworks.asgi("headworks.yaml")`: a service as an ASGI application, to be mounted or run by any ASGI server."""

import asyncio
import os
from pathlib import Path

from headworks.app import Service
from headworks.assembly.deployment import read_deployment
from headworks.assembly.watching import watch_connections
from headworks.edge.app_port import App
from headworks.edge.asgi import AsgiEdge
from headworks.edge.front import Front
from headworks.edge.gate import LOOPBACK_HOSTS, Gate
from headworks.edge.limits import Bind
from headworks.edge.phase import WEBSOCKET
from headworks.home import Home, home_folder
from headworks.units import SystemClock, parse_duration_s


def asgi(
    config: str | Path, *, home: str | Path | None = None, hosts: tuple[str, ...] = (), proxies: tuple[str, ...] = ()
) -> AsgiEdge:
    """The service of a configuration, or of a Python file of models, as an ASGI application.

    It starts with the lifespan, or at the first request where the server passes none on. `home` is by default
    $HEADWORKS_HOME or `.headworks`; `hosts` are the Host names it answers to besides
    loopback; `proxies` are networks whose forwarding headers are believed.

    Raises: at the start ConfigurationRefused and HomeUnavailable; a home has one owner, so run one process.
    """
    held: list[Service] = []
    folder = home_folder(Path(home) if home else None, os.environ)

    async def start() -> App:
        deployment = read_deployment(Path(config).absolute(), folder)
        service = Service(deployment, Home(folder), is_loopback=False)
        await service.open()
        held.append(service)
        try:
            await service.ready()
        except BaseException:
            await asyncio.shield(stop())
            raise
        return Front(service)

    async def stop() -> None:
        while held:
            service = held.pop()
            await service.close(parse_duration_s(service.config.server.drain_timeout))

    def opened(gate: Gate) -> None:
        watch_connections(held[-1].watch, gate, (WEBSOCKET,))  # the server knows of the others

    return AsgiEdge(start, stop, Bind(hosts=(*LOOPBACK_HOSTS, *hosts), proxies=proxies), SystemClock(), opened)
