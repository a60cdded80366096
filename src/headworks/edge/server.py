"""Listens: HTTP/1.1 and WebSocket on one host, plain or TLS 1.3, with a drain and a reload of the certificate."""

from __future__ import annotations

import asyncio
import resource
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from headworks.edge.app_port import App
from headworks.edge.gate import Gate
from headworks.edge.h1 import Connection
from headworks.edge.limits import Bind, TlsFiles
from headworks.edge.listening import BACKLOG, listening
from headworks.errors import ConfigurationRefused, FieldError
from headworks.units import Clock

_TLS_FAREWELL_S = 5.0
_FILES_FOR_OTHERS = 128


class Certificate:
    """The certificate and key in these files, as they were when last read.

    A context keeps one pair for each kind of key, and would go on to show the old one beside a new one of another kind;
    so each reading makes a context of its own, and `context`, which listens, hands every handshake over to the newest.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._newest = tls_context(files)
        self.context = tls_context(files)
        self.context.sni_callback = self._hand_over

    def renew(self) -> None:
        """Read the files again, for new connections.

        Raises: ConfigurationRefused, and the old pair stays.
        """
        self._newest = tls_context(self._files)

    def _hand_over(self, secure: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        secure.context = self._newest


class Server:
    """A listener at work; made by `serve`."""

    def __init__(self, gate: Gate, listeners: Sequence[asyncio.Server], tls: Certificate | None) -> None:
        self.port: int = listeners[0].sockets[0].getsockname()[1]
        """The port it listens on, also when it was asked to take a free one."""
        self.gate = gate
        """What its connections share."""
        self._listeners = listeners
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(gate.limits.sweep_interval_s, self._sweep)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self.gate.live)

    def reload_tls(self) -> None:
        """Read certificate and key again, for new connections; call it on SIGHUP.

        Raises: ConfigurationRefused, and the old pair stays.
        """
        if self._tls is not None:
            self._tls.renew()

    async def drain(self, timeout_s: float) -> None:
        """Stop listening, finish what runs, close; what still runs after the time is aborted."""
        for listener in self._listeners:
            listener.close()
        await self.gate.drained(timeout_s)
        self._timer.cancel()

    async def close(self) -> None:
        """Stop listening and close every connection now."""
        await self.drain(0)

    def _sweep(self) -> None:
        self.gate.sweep()
        self._timer = self._loop.call_later(self.gate.limits.sweep_interval_s, self._sweep)


async def serve(app: App, bind: Bind, clock: Clock) -> Server:
    """Start to listen.

    Raises: OSError, when the address cannot be had; ConfigurationRefused, for certificates or for too few files.
    """
    _check_files(app.limits.max_connections)
    gate = Gate(app, bind, clock, asyncio.get_running_loop())
    tls = None if bind.tls is None else Certificate(bind.tls)
    listeners = [
        await asyncio.get_running_loop().create_server(
            lambda: Connection(gate),
            sock=sock,
            ssl=tls.context if tls else None,
            backlog=BACKLOG,
            ssl_handshake_timeout=app.limits.head_timeout_s if tls else None,
            ssl_shutdown_timeout=_TLS_FAREWELL_S if tls else None,
        )
        for sock in await listening(bind)
    ]
    return Server(gate, listeners, tls)


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """A TLS 1.3 context of this certificate and key.

    Raises: ConfigurationRefused, naming the files.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.cert, files.key)
    except OSError as error:  # ssl.SSLError is one
        fault = FieldError("/tls", f"{files.cert} and {files.key} must be a readable PEM certificate and its key")
        raise ConfigurationRefused(f"TLS cannot be served: {error}", errors=(fault,)) from error
    return context


def valid_until(files: TlsFiles) -> datetime:
    """When the certificate ends, in UTC.

    Raises: ConfigurationRefused, naming the file.
    """
    from cryptography import x509  # costs start and memory, which only a service with TLS pays

    try:
        return x509.load_pem_x509_certificates(Path(files.cert).read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError) as error:
        raise ConfigurationRefused(f"{files.cert} is no readable PEM certificate") from error


def _check_files(max_connections: int) -> None:
    """Every connection is an open file; better to say so at start than to fail under load."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_connections + _FILES_FOR_OTHERS
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        fault = FieldError("/server/max_connections", f"at most {hard - _FILES_FOR_OTHERS}, or raise ulimit -n")
        raise ConfigurationRefused(f"The system allows {hard} open files", errors=(fault,))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
