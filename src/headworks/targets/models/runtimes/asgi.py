"""An ASGI application (FastAPI, Starlette, Django) as a target: one whole request in, one whole answer out.

Its event loop runs in a thread of its own; lifespan startup runs before ready, shutdown when the worker leaves.
Source: ASGI 3.0, HTTP 2.5 and lifespan 2.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import Any

from headworks.errors import ConfigurationRefused, ModelError
from headworks.targets.models.reporting import report
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes.files import parameters_of
from headworks.targets.models.runtimes.http import Answer, RequestHead, announcement, request_of
from headworks.targets.models.runtimes.python import NoParameters, find, source_version
from headworks.values import Payload

Message = dict[str, Any]
Application = Callable[..., Awaitable[None]]

SHUTDOWN_S = 5.0


def load(source: Source) -> AsgiRunner:
    """The application a reference names, started.

    Raises: ConfigurationRefused when it does not exist, cannot be called or says that its startup failed.
    """
    parameters_of(source, NoParameters)
    application, module = find(source)
    if not callable(application):
        raise ConfigurationRefused(f"{source.reference} is no ASGI application: it cannot be called.")
    runner = AsgiRunner(application, source_version(module), f"ASGI application {source.reference}.")
    runner.start()
    return runner


class AsgiRunner:
    """An ASGI application behind whole requests.

    Safe under: many threads; the application sees one event loop.
    """

    def __init__(self, application: Application, model_version: str, description: str) -> None:
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="asgi", daemon=True)
        self._lifespan = _Lifespan(application)
        self.announcement = announcement(model_version, description)

    def start(self) -> None:
        """Start the event loop and the application.

        Raises: ConfigurationRefused when the application says that its startup failed.
        """
        self._thread.start()
        failure = asyncio.run_coroutine_threadsafe(self._lifespan.start(), self._loop).result()
        if failure is not None:
            self._stop_loop()
            raise ConfigurationRefused(f"The ASGI application could not start: {failure}")

    def warm_up(self) -> None:
        """Nothing: an application has no examples."""

    def handle(self, payload: Payload) -> tuple[bytes, bytes]:
        """The answer's head, as JSON, and its body.

        Raises: SchemaViolation, ContractViolation, and what the application raises.
        """
        head, body = request_of(payload)
        return asyncio.run_coroutine_threadsafe(self._answered(head, body), self._loop).result()

    async def _answered(self, head: RequestHead, body: bytes) -> tuple[bytes, bytes]:
        answer, is_complete = Answer(), asyncio.Event()
        incoming = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if not incoming:
                await is_complete.wait()
                return {"type": "http.disconnect"}
            return incoming.pop()

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                pairs = ((n.decode("latin-1"), v.decode("latin-1")) for n, v in message.get("headers", ()))
                answer.begin(message["status"], pairs)
            elif message["type"] == "http.response.body":
                answer.add(message.get("body", b""))
                if not message.get("more_body", False):
                    is_complete.set()

        await self._application(scope_of(head, self._lifespan.state), receive, send)
        if not is_complete.is_set():
            raise ModelError(reason="the ASGI application ended before its answer was complete")
        return answer.whole()

    def close(self) -> None:
        """Let the application shut down, for at most 5 seconds, and end the event loop."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._lifespan.end(SHUTDOWN_S), self._loop).result()
            self._stop_loop()

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def scope_of(head: RequestHead, state: Message) -> Message:
    """The ASGI scope of a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": head.method,
        "scheme": "http",
        "path": head.raw_path.decode("utf-8", "replace"),
        "raw_path": head.path.encode("latin-1", "replace"),
        "root_path": "",
        "query_string": head.query.encode("latin-1", "replace"),
        "headers": [(n.lower().encode("latin-1"), v.encode("latin-1", "replace")) for n, v in head.headers],
        "client": None,
        "server": None,
        "state": dict(state),
    }


class _Lifespan:
    """The lifespan of an application: one long call, told to start and to end."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._told: asyncio.Queue[Message] = asyncio.Queue(2)
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.state: Message = {}

    async def start(self) -> str | None:
        """Run the startup; gives what the application says went wrong. An application may know no lifespan."""
        self._task = asyncio.create_task(self._run())
        self._told.put_nowait({"type": "lifespan.startup"})
        await self._started.wait()
        return self._failure

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._told.get, self._hear)
        except Exception as error:  # before startup: this application knows no lifespan, says ASGI
            if self._started.is_set():
                report(error)
        finally:
            self._started.set()
            self._ended.set()

    async def _hear(self, message: Message) -> None:
        if message["type"].endswith(".failed"):
            self._failure = message.get("message") or "no reason given"
        if message["type"].startswith("lifespan.startup."):
            self._started.set()
        else:
            self._ended.set()

    async def end(self, within_s: float) -> None:
        """Run the shutdown, and leave the application behind after so long."""
        if self._task is None:
            return
        if not self._ended.is_set():
            self._told.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait({self._task}, timeout=within_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
