"""What kinds share when they are bound: the address, the options and the table of tasks, each refused with its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.wire import Origin, ProviderSettings

T = TypeVar("T")
PORTS = {"https": 443, "http": 80}


def origin_of(settings: ProviderSettings, default: str | None = None) -> Origin:
    """The origin that the settings name, or the kind's own.

    Raises: ConfigurationRefused for what is no http(s) address, or holds a user, a query or a fragment.
    """
    address = settings.base_url or default
    if address is None:
        raise _wrong(settings, "base_url", f"is required for kind {settings.kind!r}: the address requests go to")
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        raise _wrong(settings, "base_url", "must be an address such as https://host:port/path") from None
    if parts.hostname is None or port is None or parts.username is not None or parts.query or parts.fragment:
        raise _wrong(settings, "base_url", "must be an http or https address without user, query and fragment")
    return Origin(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))


def options_of(settings: ProviderSettings, shape: type[T]) -> T:
    """The options in the kind's own type, which forbids unknown fields.

    Raises: ConfigurationRefused, naming the option.
    """
    try:
        return msgspec.convert(dict(settings.options), shape)
    except msgspec.ValidationError as error:
        raise ConfigurationRefused(errors=(FieldError(f"/providers/{settings.name}", str(error)),)) from None


def of_task(settings: ProviderSettings, task: str, makers: Mapping[str, Callable[[str], T]], reference: str) -> T:
    """What the kind's table makes for a task, given the reference: a model's name.

    Raises: ConfigurationRefused, with the tasks that the kind serves.
    """
    if not reference:
        raise _wrong(settings, "", f"name a model after the slash: {settings.name}/MODEL")
    maker = makers.get(task)
    if maker is None:
        raise _wrong(settings, "", f"{settings.name}/{reference} does not serve {task!r}; {served(makers)}")
    return maker(reference)


def served(tasks: Iterable[str]) -> str:
    """A sentence that lists tasks."""
    return "it serves " + ", ".join(f"`{task}`" for task in sorted(tasks))


def _wrong(settings: ProviderSettings, field: str, message: str) -> ConfigurationRefused:
    at = f"/providers/{settings.name}" + (f"/{field}" if field else "")
    return ConfigurationRefused(errors=(FieldError(at, message),))
