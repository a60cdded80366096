"""The plainest credential: a secret that stands in one header field."""

from __future__ import annotations

from headworks.errors import ConfigurationRefused, FieldError
from headworks.secret import Secret
from headworks.targets.providers.wire import Credential, HttpRequest, Origin, ProviderSettings


class KeyHeader:
    """A key sent as `name: prefix + key`; it neither ages nor needs refreshing."""

    __slots__ = ("_name", "_prefix", "_secret", "_signed", "_unsigned")

    def __init__(self, secret: Secret, name: str = "authorization", prefix: str = "Bearer ") -> None:
        self._secret = secret
        self._name = name
        self._prefix = prefix
        self._unsigned: tuple[tuple[str, str], ...] | None = None
        self._signed: tuple[tuple[str, str], ...] = ()

    def is_fresh(self, wall_ns: int) -> bool:
        """Always: the key is what it is."""
        return True

    def refresh(self, wall_ns: int) -> None:
        """Nothing to do."""

    def signed(self, request: HttpRequest, origin: Origin, wall_ns: int) -> HttpRequest:
        """The request with the key in its head; operations share their fields, so these are put together once."""
        if request.headers is not self._unsigned:
            self._unsigned = request.headers
            self._signed = (*request.headers, (self._name, self._prefix + self._secret.reveal()))
        return HttpRequest(request.method, request.path, self._signed, request.body)

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
    return tuple(KeyHeader(secret, name, prefix) for secret in settings.keys)


def needed_keys(
    settings: ProviderSettings, name: str = "authorization", prefix: str = "Bearer "
) -> tuple[Credential, ...]:
    """One credential a configured key, of a service that answers nobody without one.

    Raises: ConfigurationRefused where none is configured.
    """
    if not settings.keys:
        where = FieldError(f"/providers/{settings.name}/api_key", f"is required for kind {settings.kind!r}")
        raise ConfigurationRefused(errors=(where,))
    return key_headers(settings, name, prefix)
