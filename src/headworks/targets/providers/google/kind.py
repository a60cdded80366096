"""The kind `google`: one provider for Google Cloud's AI services, each on its own host."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from headworks.targets.providers.google.offers import OFFERS
from headworks.targets.providers.google.place import Options, parent_of
from headworks.targets.providers.google.tokens import AccessToken
from headworks.targets.providers.key_header import key_headers
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.options import options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, Credential, Origin, ProviderSettings

HOSTS: Mapping[str, str] = {
    "language": "language.googleapis.com",
    "translate": "translation.googleapis.com",
    "translate-v3": "translate.googleapis.com",
    "vision": "vision.googleapis.com",
}
"""By the first word of a reference."""
VERTEX = frozenset({"vertex", "vertex-anthropic", "vertex-endpoint", "vertex-open"})
"""What stands below a project's location on Vertex AI's host."""
NEEDS_TOKEN = VERTEX | {"translate-v3"}
"""Services that take no API key."""


class Google:
    """Cloud Vision, Translation, Natural Language and Vertex AI."""

    name = "google"
    options = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """The tasks a reference such as `language:sentiment` can serve."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation, its host and the keys.

        Raises: ConfigurationRefused.
        """
        options = options_of(settings, Options)
        operation = built(OFFERS, settings, reference, task)
        service = reference.partition(":")[0].partition("/")[0]
        return Bound(operation, _origin(settings, service, options), _credentials(settings, service, options))


KIND = Google()


def _origin(settings: ProviderSettings, service: str, options: Options) -> Origin:
    if service not in VERTEX:
        return origin_of(settings.base_url or f"https://{HOSTS[service]}", settings.name)
    prefix = "" if options.location == "global" else f"{options.location}-"
    origin = origin_of(settings.base_url or f"https://{prefix}aiplatform.googleapis.com", settings.name)
    return replace(origin, path=f"{origin.path}/v1/{parent_of(settings)}")


def _credentials(settings: ProviderSettings, service: str, options: Options) -> tuple[Credential, ...]:
    """API keys in their header where there are any and the service takes them, else tokens."""
    if settings.keys and service not in NEEDS_TOKEN and options.account_file is None:
        return key_headers(settings, "x-goog-api-key", "")
    return (AccessToken(options.account_file),)
