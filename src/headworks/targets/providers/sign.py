"""Signing requests with one of several credentials, refreshed off the loop's thread, once for all who wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from headworks.pending import Pending, Shared
from headworks.targets.providers.wire import Credential, HttpRequest, Origin
from headworks.units import Clock

T = TypeVar("T")


class Offload(Protocol):
    """Runs work outside the loop's thread; see ports.Offload."""

    def __call__(self, work: Callable[[], T], /) -> Pending[T]:
        """Run it; the result resolves on the loop's thread."""


class Signer:
    """Signs for one origin. Without credentials a request goes as it is.

    Safe under: one thread.
    """

    __slots__ = ("_clock", "_credentials", "_offload", "_origin", "_refreshing")

    def __init__(self, credentials: tuple[Credential, ...], origin: Origin, offload: Offload, clock: Clock) -> None:
        self._credentials = credentials
        self._origin = origin
        self._offload = offload
        self._clock = clock
        self._refreshing: dict[int, Shared[None]] = {}

    def is_ready(self, number: int) -> bool:
        """Whether this credential can sign without a wait."""
        return not self._credentials or self._credentials[number].is_fresh(self._clock.wall_ns())

    def refresh(self, number: int) -> Pending[None]:
        """Resolves when the credential is fresh again.

        Raises: ProviderKeyRejected, ProviderUnreachable, Overloaded, through the pending result.
        """
        shared = self._refreshing.get(number)
        if shared is None or shared.is_done:
            refresh = partial(self._credentials[number].refresh, self._clock.wall_ns())
            shared = self._refreshing[number] = Shared(self._offload(refresh))
        return shared.join()

    def signed(self, request: HttpRequest, number: int) -> HttpRequest:
        """The request with its proof."""
        if not self._credentials:
            return request
        return self._credentials[number].signed(request, self._origin, self._clock.wall_ns())
