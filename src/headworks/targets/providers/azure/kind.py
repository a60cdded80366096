"""Kind `azure`: OpenAI's models on Azure, by key or by a token of Entra."""

from __future__ import annotations

from headworks.errors import ConfigurationRefused
from headworks.targets.providers.azure.entra import EntraToken
from headworks.targets.providers.azure.offers import OFFERS
from headworks.targets.providers.azure.settings import Options
from headworks.targets.providers.key_header import needed_keys
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.options import named, options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, Credential, ProviderSettings


class Azure:
    """Binds a task to a deployment."""

    name = "azure"
    options: tuple[str, ...] = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """What its deployments can serve."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation that serves a task with this deployment.

        Raises: ConfigurationRefused.
        """
        if settings.base_url is None:
            raise ConfigurationRefused(
                f"providers.{settings.name}.base_url is missing: the resource, such as https://NAME.openai.azure.com."
            )
        operation = built(OFFERS, settings, named(reference, settings), task)
        return Bound(operation, origin_of(settings.base_url, settings.name), _credentials(settings))


KIND = Azure()


def _credentials(settings: ProviderSettings) -> tuple[Credential, ...]:
    keys = needed_keys(settings, "api-key", "")
    entra = options_of(settings, Options).entra
    if entra is None:
        return keys
    authority = origin_of(entra.authority, settings.name)
    return tuple(EntraToken(entra, authority, secret) for secret in settings.keys)
