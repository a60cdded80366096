"""Kind `cohere`: Cohere's API of version 2."""

from __future__ import annotations

from headworks.targets.providers.cohere.facts import DEFAULT_ADDRESS
from headworks.targets.providers.cohere.offers import OFFERS, Options
from headworks.targets.providers.key_header import needed_keys
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.options import named
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Bound, ProviderSettings


class Cohere:
    """Binds a task to one of Cohere's models; a reference is the model's name."""

    name = "cohere"
    options: tuple[str, ...] = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """What its models can serve."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation that serves a task with this model.

        Raises: ConfigurationRefused.
        """
        operation = built(OFFERS, settings, named(reference, settings), task)
        origin = origin_of(settings.base_url or DEFAULT_ADDRESS, settings.name)
        return Bound(operation, origin, needed_keys(settings))


KIND = Cohere()
