"""What Azure needs said: which of its two address forms, and who asks."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from msgspec import Meta, Struct

from headworks.targets.providers.openai.facts import WISHES_OF_OTHERS, Server
from headworks.targets.providers.options import options_of
from headworks.targets.providers.wire import ProviderSettings

NEWER_CAP_SINCE = "2024-09-01"
"""Versions of the dated API before this one know the cap by its older name only."""


class Entra(Struct, frozen=True, forbid_unknown_fields=True):
    """An application in a directory; its secret is the provider's key. `authority` differs in sovereign clouds."""

    tenant: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]{1,256}$")]
    client_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    authority: str = "https://login.microsoftonline.com"
    scope: str = "https://cognitiveservices.azure.com/.default"


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """`api_version` chooses the dated address form, by deployment; without it the `v1` form is used."""

    api_version: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")] | None = None
    entra: Entra | None = None


def server_of(settings: ProviderSettings, deployment: str) -> Server:
    """How Azure's server is addressed for one deployment."""
    version = options_of(settings, Options).api_version
    if version is None:
        return Server(path="/openai/v1", cap="max_completion_tokens", unread=WISHES_OF_OTHERS)
    cap = "max_completion_tokens" if version >= NEWER_CAP_SINCE else "max_tokens"
    path = f"/openai/deployments/{quote(deployment, safe='')}"
    query = f"?api-version={version}"
    return Server(path=path, query=query, cap=cap, names_model=False, unread=WISHES_OF_OTHERS)


def resource_of(settings: ProviderSettings) -> Server:
    """How Azure's server is addressed for what belongs to no deployment."""
    version = options_of(settings, Options).api_version
    return Server(path="/openai/v1") if version is None else Server(path="/openai", query=f"?api-version={version}")
