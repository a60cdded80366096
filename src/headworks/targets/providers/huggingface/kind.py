"""The kind `huggingface`: models of the hub on the router, and Hugging Face's servers wherever `base_url` says."""

from __future__ import annotations

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.huggingface.offers import OFFERS
from headworks.targets.providers.huggingface.settings import Options
from headworks.targets.providers.key_header import NoKey, key_headers
from headworks.targets.providers.offers import Offer, built, tasks_of
from headworks.targets.providers.options import options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, ProviderSettings

ROUTER = "https://router.huggingface.co"
OWN_SERVERS = frozenset(offer.name for offer in OFFERS if offer.name)
"""References that mean a server of the team's own; any other is a model of the hub."""


class HuggingFace:
    """Binds a task to a model of the hub, or to the server at `base_url`."""

    name = "huggingface"
    options = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """The tasks a reference can serve; a model's name does not tell which of them it is for."""
        return tasks_of(_offers(reference), reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation and where it goes.

        Raises: ConfigurationRefused.
        """
        options_of(settings, Options)
        operation = built(_offers(reference), settings, reference, task)
        if reference in OWN_SERVERS and not settings.base_url:
            where = f"/providers/{settings.name}/base_url"
            raise ConfigurationRefused(errors=(FieldError(where, f"is required for {reference}: where the server is"),))
        if not settings.base_url and not settings.keys:
            where = f"/providers/{settings.name}/api_key"
            raise ConfigurationRefused(errors=(FieldError(where, "is required for router.huggingface.co"),))
        origin = origin_of(settings.base_url or ROUTER, settings.name)
        return Bound(operation, origin, key_headers(settings) or (NoKey(),))


KIND = HuggingFace()


def _offers(reference: str) -> tuple[Offer, ...]:
    return tuple(offer for offer in OFFERS if (reference in OWN_SERVERS) == bool(offer.name))
