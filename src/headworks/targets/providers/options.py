"""A provider's own options, typed and bounded."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.wire import ProviderSettings

T = TypeVar("T")


def options_of(settings: ProviderSettings, shape: type[T]) -> T:
    """The options as the kind's own type, which forbids unknown fields.

    Raises: ConfigurationRefused, naming what is wrong.
    """
    try:
        return msgspec.convert(dict(settings.options), shape)
    except msgspec.ValidationError as error:
        raise ConfigurationRefused(
            f"providers.{settings.name}: {error}.", errors=(FieldError(f"/providers/{settings.name}", str(error)),)
        ) from None


def named(reference: str, settings: ProviderSettings) -> str:
    """The model that a reference names.

    Raises: ConfigurationRefused when it names none.
    """
    if not reference:
        raise ConfigurationRefused(f"Name a model after the slash: {settings.name}/MODEL.")
    return reference
