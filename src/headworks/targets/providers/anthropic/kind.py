"""Kind `anthropic`: Anthropic's own service."""

from __future__ import annotations

from msgspec import Struct

from headworks.targets.providers.anthropic.facts import DEFAULT_ADDRESS
from headworks.targets.providers.anthropic.offers import OFFERS
from headworks.targets.providers.key_header import needed_keys
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.options import named, options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, ProviderSettings


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """Features under test (`anthropic-beta`) that callers may ask for beside those known to be harmless."""

    betas: tuple[str, ...] = ()


class Anthropic:
    """Binds a task to a model of Anthropic's; a reference is the model's name."""

    name = "anthropic"
    options: tuple[str, ...] = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """What its models can serve."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation that serves a task with this model.

        Raises: ConfigurationRefused.
        """
        options_of(settings, Options)
        operation = built(OFFERS, settings, named(reference, settings), task)
        origin = origin_of(settings.base_url or DEFAULT_ADDRESS, settings.name)
        return Bound(operation, origin, needed_keys(settings, "x-api-key", ""))


KIND = Anthropic()
