"""The same interface as our client on aiohttp: what the contract suite holds ours against."""

import asyncio
import time

import aiohttp

from headworks.errors import (
    DeadlineExceeded,
    Internal,
    ProviderBroken,
    ProviderDown,
    ProviderTimeout,
    ProviderUnreachable,
)
from headworks.pending import Pending
from headworks.targets.providers.client import ClientSettings, Upstream
from headworks.targets.providers.http.tls import context_of
from headworks.targets.providers.wire import HttpResponse

ERRORS = (
    (aiohttp.ClientConnectorError, ProviderUnreachable),
    (aiohttp.ConnectionTimeoutError, ProviderUnreachable),
    (aiohttp.ServerTimeoutError, ProviderTimeout),
    (TimeoutError, ProviderTimeout),
    (aiohttp.ClientOSError, ProviderDown),
    (aiohttp.ServerDisconnectedError, ProviderDown),
    (aiohttp.ClientPayloadError, ProviderBroken),
    (aiohttp.ClientResponseError, ProviderBroken),
    (aiohttp.ClientError, ProviderBroken),
    (ValueError, Internal),
)


class LibraryClient:
    """One aiohttp session; a task a call."""

    def __init__(self, loop, clock, settings=None, origins=()):
        self._settings = settings or ClientSettings()
        self._loop = loop
        self._session = aiohttp.ClientSession()
        self._contexts = {}
        for origin in origins:
            self.allow(origin)

    def allow(self, origin, upstream=None):
        self._contexts[origin] = context_of((upstream or Upstream()).tls) if origin.scheme == "https" else True

    def send(self, origin, request, timeouts, deadline_ns):
        async def whole(pending):
            async with await self._open(origin, request, timeouts) as response:
                body = await response.read()
                pending.resolve(HttpResponse(response.status, _fields(response), body))

        return self._run(origin, whole, deadline_ns)

    def stream(self, origin, request, timeouts, deadline_ns):
        async def opened(pending):
            response = await self._open(origin, request, timeouts)
            pending.resolve(LibraryStream(self, response, deadline_ns))

        return self._run(origin, opened, deadline_ns)

    async def close(self):
        await self._session.close()

    async def _open(self, origin, request, timeouts):
        times = aiohttp.ClientTimeout(
            total=timeouts.total_s,
            sock_connect=timeouts.connect_s,
            sock_read=min(timeouts.first_byte_s, timeouts.idle_s),
        )
        return await self._session.request(
            request.method,
            f"{origin.scheme}://{origin.host}:{origin.port}{origin.path}{request.path}",
            headers=dict(request.headers),
            data=request.body,
            allow_redirects=False,
            ssl=self._contexts[origin],
            timeout=times,
        )

    def _run(self, origin, call, deadline_ns):
        if origin not in self._contexts:
            raise Internal(reason="a request was addressed to an origin that is not registered")
        return self.task(call, deadline_ns)

    def task(self, call, deadline_ns):
        """Run a coroutine function that resolves the Pending it is given."""
        pending = Pending()

        async def bounded():
            try:
                async with asyncio.timeout((deadline_ns - time.monotonic_ns()) / 1e9) as limit:
                    await call(pending)
            except Exception as error:
                kind = (
                    DeadlineExceeded
                    if limit.expired()
                    else next(ours for theirs, ours in ERRORS if isinstance(error, theirs))
                )
                pending.fail(kind(reason=type(error).__name__))

        task = self._loop.create_task(bounded())
        pending.on_abandon = task.cancel
        return pending


class LibraryStream:
    """A response whose body is read piece by piece."""

    def __init__(self, client, response, deadline_ns):
        self._client, self._response, self._deadline_ns = client, response, deadline_ns
        self.status, self.headers = response.status, _fields(response)

    def next(self):
        async def read(pending):
            pending.resolve(await self._response.content.readany() or None)

        return self._client.task(read, self._deadline_ns)

    def cancel(self):
        self._response.close()


def _fields(response):
    return {name.lower(): value for name, value in response.headers.items()}
