"""A WSGI application (Flask, Django, Bottle) as a target: one whole request in, one whole answer out. Source: PEP 3333."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any

from headworks.errors import ConfigurationRefused
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes.files import parameters_of
from headworks.targets.models.runtimes.http import Answer, RequestHead, announcement, request_of
from headworks.targets.models.runtimes.python import NoParameters, find, source_version
from headworks.values import Payload

_OWN_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def load(source: Source) -> WsgiRunner:
    """The application a reference names.

    Raises: ConfigurationRefused when it does not exist or cannot be called.
    """
    parameters_of(source, NoParameters)
    application, module = find(source)
    if not callable(application):
        raise ConfigurationRefused(f"{source.reference} is no WSGI application: it cannot be called.")
    return WsgiRunner(application, source_version(module), f"WSGI application {source.reference}.")


class WsgiRunner:
    """A WSGI application behind whole requests.

    Safe under: many threads as far as the application is.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], model_version: str, description: str) -> None:
        self._application = application
        self.announcement = announcement(model_version, description)

    def warm_up(self) -> None:
        """Nothing: an application has no examples."""

    def handle(self, payload: Payload) -> tuple[bytes, bytes]:
        """The answer's head, as JSON, and its body.

        Raises: SchemaViolation, ContractViolation, and what the application raises.
        """
        head, body = request_of(payload)
        answer = Answer()

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], None]:
            if answer.head is not None and exc_info is None:
                raise RuntimeError("start_response was called twice")
            answer.begin(int(status[:3]), headers)
            return answer.add

        parts = self._application(environ_of(head, body), start_response)
        try:
            for part in parts:
                answer.add(part)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
        return answer.whole()

    def close(self) -> None:
        """Nothing: WSGI has no end."""


def environ_of(head: RequestHead, body: bytes) -> dict[str, Any]:
    """The WSGI environment of a request.

    A header with an underscore is left out: it would pass for the one with a hyphen. So is `Proxy`, which CGI-minded
    code takes for its own setting.
    """
    fields = {name.lower(): value for name, value in head.headers if "_" not in name and name.lower() != "proxy"}
    host, _, port = fields.get("host", "localhost").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": head.raw_path.decode("latin-1"),
        "QUERY_STRING": head.query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in fields.items():
        environ[_OWN_NAMES.get(name) or "HTTP_" + name.upper().replace("-", "_")] = value
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ
