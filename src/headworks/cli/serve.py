"""`headworks serve [CONFIG|FILE.py]`: the service, until SIGTERM or Ctrl-C; SIGHUP reloads models and certificates."""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import uvloop

from headworks.app import Service
from headworks.assembly.deployment import Deployment, read_deployment
from headworks.assembly.watching import watch_connections
from headworks.checking.preflight import refuse_wrong_files
from headworks.cli.output import Output
from headworks.cli.where import add_config, add_home, config_of, home_of
from headworks.edge.front import Front
from headworks.edge.limits import Bind, TlsFiles
from headworks.edge.server import Server, valid_until
from headworks.edge.server import serve as listen
from headworks.errors import ConfigurationRefused, HeadworksError
from headworks.home import Home
from headworks.units import SECOND_NS, parse_duration_s

SWITCH_INTERVAL_S = 0.0005
COLLECT_AFTER = 50_000
MOST_PORT = 65_535
DAY_S = 86_400
CERTIFICATE_SOON_S = 21 * DAY_S


def add_words(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's words."""
    words = commands.add_parser("serve", help="serve a configuration, or a Python file of models")
    add_config(words)
    words.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    words.add_argument("--port", type=int, help="port to listen on, 0 for a free one (default: 8000)")
    words.add_argument("--insecure-http", action="store_true", help="allow plain HTTP beyond loopback")
    words.add_argument(
        "--behind-proxy", action="append", default=[], metavar="CIDR", help="a proxy that speaks TLS for us; repeat"
    )
    add_home(words)
    words.set_defaults(run=run)


def run(asked: argparse.Namespace, output: Output) -> int:
    """Serve until told to stop; 0 after a clean end."""
    home = Home(home_of(asked))
    deployment = read_deployment(config_of(asked), home.folder)
    refuse_wrong_files(deployment)
    bind = binding(deployment, asked)
    service = Service(deployment, home, is_loopback=is_loopback(bind.host))
    return uvloop.run(_serve(service, bind, output))


def binding(deployment: Deployment, asked: argparse.Namespace) -> Bind:
    """Where to listen, and whom to believe; the certificate's paths count from the configuration's folder.

    Raises: ConfigurationRefused for plain HTTP beyond loopback without a word that it is meant.
    """
    config = deployment.config
    host = asked.host or config.server.host
    port = config.server.port if asked.port is None else asked.port
    if not 0 <= port <= MOST_PORT:
        raise ConfigurationRefused(f"--port {port}: a port is a number from 0 (a free one) to {MOST_PORT}")
    tls = tls_files(deployment)
    for proxy in asked.behind_proxy:
        try:
            ip_network(proxy)
        except ValueError as error:
            raise ConfigurationRefused(f"--behind-proxy {proxy}: {error}") from error
    if tls is None and not is_loopback(host) and not asked.insecure_http and not asked.behind_proxy:
        text = (
            f"Plain HTTP on {host} would send keys and data readable over the network. Configure tls: {{cert, key}}, "
            "or say --behind-proxy CIDR when a proxy speaks TLS, or --insecure-http to do it all the same."
        )
        raise ConfigurationRefused(text)
    return Bind(host, port, config.server.hosts, tuple(asked.behind_proxy), config.cors.origins, tls)


def tls_files(deployment: Deployment) -> TlsFiles | None:
    """Where certificate and key lie, if the configuration names them."""
    tls, folder = deployment.config.tls, deployment.path.parent
    return TlsFiles(str(folder / tls.cert), str(folder / tls.key)) if tls else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _serve(service: Service, bind: Bind, output: Output) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    loop.add_signal_handler(signal.SIGHUP, stop.is_set)  # without effect: unhandled it would end a service that starts
    service.address = _url(bind, bind.port)
    await service.open()
    loop.add_signal_handler(signal.SIGHUP, lambda: _not_yet(service))
    loop.set_exception_handler(service.watch.logs.unforeseen)
    server = None
    drain_s = parse_duration_s(service.config.server.drain_timeout)
    try:
        server = await _listen(service, bind)
        watch_connections(service.watch, server.gate)
        service.watch.logs.event("listening", url=_url(bind, server.port))
        stopping = asyncio.ensure_future(stop.wait())
        starting = asyncio.ensure_future(service.ready())
        await asyncio.wait({stopping, starting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            service.renew_certificate = _renewal(service, bind, server)
            _watch_certificate(service, bind)
            _announce(service, bind, server, starting.result(), output)
            loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(_reload(service)))
            gc.collect()
            gc.freeze()
            gc.set_threshold(COLLECT_AFTER, 20, 50)
            await stopping
        service.watch.logs.event("stopping", connections=server.connections, at_most_s=drain_s)
    finally:
        if server is not None:
            await server.drain(drain_s)
        await service.close(drain_s)
    return 0


def _renewal(service: Service, bind: Bind, server: Server) -> Callable[[], None]:
    def renew() -> None:
        server.reload_tls()
        _tell_certificate(service, bind)

    return renew


def _watch_certificate(service: Service, bind: Bind) -> None:
    """Say every day that the certificate ends soon, or has ended."""
    _tell_certificate(service, bind)
    asyncio.get_running_loop().call_later(DAY_S, _watch_certificate, service, bind)


def _tell_certificate(service: Service, bind: Bind) -> None:
    if bind.tls is None:
        return
    with suppress(ConfigurationRefused):  # a file that is being replaced: a reload tells
        until = valid_until(bind.tls)
        left_s = until.timestamp() - service.clock.wall_ns() / SECOND_NS
        if left_s < CERTIFICATE_SOON_S:
            name, level = ("certificate_ends", "warning") if left_s > 0 else ("certificate_ended", "error")
            service.watch.logs.event(name, level, file=bind.tls.cert, until=until.isoformat())


async def _listen(service: Service, bind: Bind) -> Server:
    try:
        return await listen(Front(service), bind, service.clock)
    except OSError as error:
        raise ConfigurationRefused(f"Cannot listen on {bind.host}:{bind.port}: {error.strerror or error}") from error


def _not_yet(service: Service) -> None:
    """A reload is asked for before there is anything to reload."""
    service.watch.logs.event("reload_refused", "warning", reason="the service is still starting")


async def _reload(service: Service) -> None:
    """Read certificate and configuration again, swap the models; what fails stays as it was."""
    with suppress(asyncio.CancelledError):
        try:
            await service.reload("SIGHUP")
        except HeadworksError as error:
            service.watch.logs.event("reload_refused", "error", reason=error.reason or error.detail)


def _announce(service: Service, bind: Bind, server: Server, admin_key: str | None, output: Output) -> None:
    """Say where the service listens, what it publishes and, once, the first administrator's key."""
    url = _url(bind, server.port)
    endpoints = [f"/api/{each.name}/v{each.version}" for each in service.published.versions()]
    told = {"url": url, "endpoints": endpoints, "home": str(service.home.folder), "admin_key": admin_key}

    def as_text() -> str:
        lines = [f"Headworks listens on {url}", *(f"  POST {path}{_note(service, path)}" for path in endpoints)]
        lines += [
            f"  docs {url}/docs (in a browser: any name, a key as password)   health {url}/health/ready",
            f"  home {service.home.folder}",
        ]
        if admin_key:
            lines += ["", f"Administrator's one-time key (shown once, valid 24 h): {admin_key}"]
        lines.append("Make a key: headworks keys create NAME --home " + str(_shortest(service.home.folder)))
        return "\n".join(lines)

    output.show(told, as_text)
    sys.stdout.flush()


def _url(bind: Bind, port: int) -> str:
    scheme = "https" if bind.tls else "http"
    host = f"[{bind.host}]" if ":" in bind.host else bind.host
    return f"{scheme}://{host}:{port}"


def _note(service: Service, path: str) -> str:
    for each in service.published.versions():
        if path == f"/api/{each.name}/v{each.version}" and each.deprecated_wall_s is not None:
            return (
                "   (deprecated)"
                if service.clock.wall_ns() >= each.deprecated_wall_s * 1e9
                else "   (to be deprecated)"
            )
    return ""


def _shortest(folder: Path) -> Path:
    try:
        return folder.relative_to(Path.cwd())
    except ValueError:
        return folder
