"""Every target of the service: own models by name, operations of providers by name and work."""

from headworks.targets.models.registry import Models
from headworks.targets.providers.registry import Providers
from headworks.values import Target


class Found:
    """Implements ports.Targets over both."""

    def __init__(self, models: Models, providers: Providers) -> None:
        self._models = models
        self._providers = providers

    def find(self, name: str, work: str | None = None) -> Target:
        """See ports.Targets."""
        return self._providers.find(name, work) if "/" in name else self._models.find(name)
