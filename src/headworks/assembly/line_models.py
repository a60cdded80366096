"""What a `model` in a batch's line stands for: an endpoint that the caller may call, or a model that such an endpoint asks."""

from collections.abc import Iterator, Mapping

from headworks.dialects.naming import endpoint_named
from headworks.errors import HeadworksError
from headworks.ports import Endpoints
from headworks.request.authorise import permit
from headworks.targets.providers.keeping import kept_by
from headworks.targets.providers.registry import Key
from headworks.targets.providers.wire import Bound
from headworks.units import Clock
from headworks.values import Caller, Endpoint


class LineModels:
    """Implements targets.providers.batches.NamedModels over what is published.

    Safe under: any thread.
    """

    def __init__(self, endpoints: Endpoints, bound: Mapping[Key, Bound], clock: Clock) -> None:
        self._endpoints = endpoints
        self._models = {key: each.operation.model for key, each in bound.items() if kept_by(each.operation) is None}
        self._clock = clock

    def named(self, place: str, caller: Caller, name: str) -> str | None:
        """The first model that the endpoint of this name asks at a provider; of no endpoint's name, the model itself."""
        try:
            endpoint = endpoint_named(name, self._endpoints)
        except HeadworksError:
            return name if self.may_use(place, caller, name) else None
        return next(self._asked(place, endpoint), None) if self._may_call(caller, endpoint) else None

    def may_use(self, place: str, caller: Caller, model: str) -> bool:
        """Whether an endpoint that the caller may call asks a provider's model."""
        return any(
            self._may_call(caller, endpoint)
            for endpoint in self._endpoints.versions()
            if model in self._asked(place, endpoint)
        )

    def _may_call(self, caller: Caller, endpoint: Endpoint) -> bool:
        try:
            permit(caller, endpoint, self._clock.wall_ns())
        except HeadworksError:
            return False
        return True

    def _asked(self, place: str, endpoint: Endpoint) -> Iterator[str]:
        """The models of a provider that an endpoint asks, in its order."""
        for choice in endpoint.targets:
            model = self._models.get((choice.name, endpoint.work or endpoint.task or ""))
            if model is not None and choice.weight != 0 and choice.name.partition("/")[0] == place:
                yield model
