"""A provider's part of the configuration: what every kind knows, and what only its own kind reads."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from headworks.secret import Secret
from headworks.settings.units import Duration

Hidden = Annotated[Secret, Meta(description="A secret", extra_json_schema={"type": "string", "writeOnly": True})]
SECRET_WORDS = ("key", "secret", "token", "password", "credential")
"""A setting of a kind whose name holds one of these is never shown."""


class ProviderConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """One third-party AI service; `kind` is the provider's own name unless said, `base_url` the vendor's unless said.

    Several `api_keys` are used in turn as they are refused or throttled. A call is sent at most `attempts` times; what the
    provider may have carried out (it broke off, or was too late) is sent again only with `resend`, for it may bill twice.
    A stream is held `hold` long for its first content, so that another target can still answer. `hedge` is the share of
    calls that may be sent a second time when they take longer than nearly all others. Further settings are those of the kind.
    """

    kind: str | None = None
    base_url: Annotated[str, Meta(pattern="^https?://")] | None = None
    api_key: Hidden | None = None
    api_keys: tuple[Hidden, ...] = ()
    connect_timeout: Duration = "5s"
    first_byte_timeout: Duration | None = None
    idle_timeout: Duration | None = None
    total_timeout: Duration | None = None
    attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    resend: bool = False
    hold: Duration = "12s"
    hedge: Annotated[float, Meta(gt=0, le=0.5)] | None = None
    max_connections: Annotated[int, Meta(ge=1, le=10_000)] = 256
    max_waiting: Annotated[int, Meta(ge=0, le=100_000)] = 1024
    idle_connection: Duration = "30s"
    ca: str | None = None
    cert: str | None = None
    cert_key: str | None = None
    proxy: Annotated[str, Meta(pattern="^http://")] | None = None
    options: dict[str, Any] = {}

    @property
    def keys(self) -> tuple[Secret, ...]:
        """Every configured key, the preferred one first."""
        return (*((self.api_key,) if self.api_key else ()), *self.api_keys)


def separated(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A provider's mapping with what only its kind reads under `options`; secrets among them are wrapped."""
    known = set(ProviderConfig.__struct_fields__)
    common = {key: value for key, value in mapping.items() if key in known}
    own = {key: _wrapped(key, value) for key, value in mapping.items() if key not in known}
    given = common.pop("options", {})
    if not isinstance(given, dict):
        return {**common, "options": given}
    return {**common, "options": {**{key: _wrapped(key, value) for key, value in given.items()}, **own}}


def _wrapped(key: str, value: object) -> object:
    is_secret = isinstance(value, str) and any(word in key for word in SECRET_WORDS)
    return Secret(value) if isinstance(value, str) and is_secret else value


def secret_hook(kind: type, value: object) -> object:
    """Makes a Secret of text, for msgspec.

    Raises: NotImplementedError, TypeError.
    """
    if kind is not Secret:
        raise NotImplementedError(kind)
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise TypeError("expected text")
    return Secret(value)
