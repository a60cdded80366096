"""Where requests go, read from a configured URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from headworks.errors import ConfigurationRefused
from headworks.targets.providers.wire import Origin

_PORTS = {"http": 80, "https": 443}


def origin_of(url: str, provider: str) -> Origin:
    """The origin a `base_url` names.

    Raises: ConfigurationRefused for anything but scheme, host, port and path.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationRefused(f"providers.{provider}.base_url is not a URL.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigurationRefused(
            f"providers.{provider}.base_url must start with https:// or http:// and name a host."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationRefused(f"providers.{provider}.base_url must hold no credential, query or fragment.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"))


def authority_of(origin: Origin) -> str:
    """What the Host field says: the port only where it is not the scheme's own."""
    return origin.host if origin.port == _PORTS.get(origin.scheme) else f"{origin.host}:{origin.port}"
