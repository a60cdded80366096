"""The plainest credential: a secret that stands in one header field."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from headworks.secret import Secret
from headworks.targets.providers.wire import Credential, HttpRequest, Origin, ProviderSettings


class KeyHeader:
    """A key sent as `name: prefix + key`; it neither ages nor needs refreshing."""

    __slots__ = ("_name", "_prefix", "_secret")

    def __init__(self, secret: Secret, name: str = "authorization", prefix: str = "Bearer ") -> None:
        self._secret = secret
        self._name = name
        self._prefix = prefix

    def is_fresh(self, wall_ns: int) -> bool:
        """Always: the key is what it is."""
        return True

    def refresh(self, wall_ns: int) -> None:
        """Nothing to do."""

    def signed(self, request: HttpRequest, origin: Origin, wall_ns: int) -> HttpRequest:
        """The request with the key in its head."""
        field = (self._name, self._prefix + self._secret.reveal())
        return structs.replace(request, headers=(*request.headers, field))

    def __repr__(self) -> str:
        return f"KeyHeader({self._name}: {self._secret})"


class NoKey:
    """For servers that ask for none, as most that run on one's own machines."""

    __slots__ = ()

    def is_fresh(self, wall_ns: int) -> bool:
        """Always."""
        return True

    def refresh(self, wall_ns: int) -> None:
        """Nothing to do."""

    def signed(self, request: HttpRequest, origin: Origin, wall_ns: int) -> HttpRequest:
        """The request as it is."""
        return request


def key_headers(
    settings: ProviderSettings, name: str = "authorization", prefix: str = "Bearer "
) -> tuple[Credential, ...]:
    """One credential a configured key, in their order."""
    make: Callable[[Secret], Credential] = lambda secret: KeyHeader(secret, name, prefix)  # noqa: E731
    return tuple(map(make, settings.keys))
