"""The kind `google`: one provider for Google Cloud's AI services, each on its own host."""

from __future__ import annotations

from collections.abc import Mapping

from headworks.errors import ConfigurationRefused
from headworks.targets.providers.google.offers import OFFERS
from headworks.targets.providers.google.tokens import AccessToken, ApiKey
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, Credential, Origin, ProviderSettings

OPTIONS = frozenset({"project", "location", "credentials_file"})
HOSTS: Mapping[str, str] = {
    "language": "language.googleapis.com",
    "translate": "translation.googleapis.com",
    "translate-v3": "translate.googleapis.com",
    "vision": "vision.googleapis.com",
}
NEEDS_TOKEN = frozenset({"translate-v3"})
"""Services that take no API key."""


class Google:
    """Cloud Vision, Translation and Natural Language."""

    name = "google"

    def tasks(self, reference: str) -> tuple[str, ...]:
        """The tasks a reference such as `language:sentiment` can serve."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation, its host and the keys.

        Raises: ConfigurationRefused.
        """
        unknown = sorted(settings.options.keys() - OPTIONS)
        if unknown:
            raise ConfigurationRefused(
                f"providers.{settings.name} has no option {unknown[0]}: {', '.join(sorted(OPTIONS))}."
            )
        operation = built(OFFERS, settings, reference, task)
        service = reference.partition(":")[0].partition("/")[0]
        host = Origin("https", HOSTS[service], 443)
        origin = origin_of(settings.base_url, settings.name) if settings.base_url else host
        return Bound(operation, origin, _credentials(settings, service))


KIND = Google()


def _credentials(settings: ProviderSettings, service: str) -> tuple[Credential, ...]:
    """API keys where there are any and the service takes them, else tokens."""
    file = settings.options.get("credentials_file")
    if settings.keys and service not in NEEDS_TOKEN and file is None:
        return tuple(ApiKey(key) for key in settings.keys)
    return (AccessToken(str(file) if file is not None else None),)
