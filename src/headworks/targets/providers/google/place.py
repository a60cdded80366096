"""The settings of kind `google`, and the names of a project's places."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.options import options_of
from headworks.targets.providers.wire import ProviderSettings


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """The project and location of what is regional, and a service account's key file (else the vendor's defaults).

    `betas` are features of Anthropic's under test that callers may ask for beside those known to be harmless.
    """

    project: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9.:-]{2,99}$")] | None = None
    location: Annotated[str, Meta(pattern="^[a-z0-9-]{2,40}$")] = "global"
    account_file: str | None = None
    betas: tuple[str, ...] = ()


def parent_of(settings: ProviderSettings) -> str:
    """`projects/P/locations/L`, as resource names start.

    Raises: ConfigurationRefused when the project is missing.
    """
    options = options_of(settings, Options)
    if options.project is None:
        where = FieldError(
            f"/providers/{settings.name}/project", "is required for this operation: the Google Cloud project"
        )
        raise ConfigurationRefused(errors=(where,))
    return f"projects/{options.project}/locations/{options.location}"
