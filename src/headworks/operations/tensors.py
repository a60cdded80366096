"""What clients of the Open Inference Protocol ask beside calls: health, the models, their tensors."""

import msgspec

from headworks.contract.schema import MOST_ROWS
from headworks.dialects.oip.metadata import EXTENSIONS, STATISTICS, model_config, model_metadata
from headworks.dialects.oip.way import model_named
from headworks.errors import Forbidden, HeadworksError
from headworks.operations.service import Operation
from headworks.ports import Action, Answer, Ask, Endpoints, Targets
from headworks.request.authorise import may_see
from headworks.request.identify import may_count
from headworks.units import SECOND_NS, Clock
from headworks.values import Endpoint
from headworks.watch.health import Health

VERSION = "0.1.0"
_NO_STORE = (("Cache-Control", "no-store"),)
_json = msgspec.json.Encoder().encode


class Shelf:
    """The published endpoints as the protocol's models, as each caller may see them; applications and ended versions are none."""

    def __init__(self, endpoints: Endpoints, targets: Targets, clock: Clock) -> None:
        self._endpoints = endpoints
        self._targets = targets
        self._clock = clock

    def versions(self, ask: Ask) -> list[Endpoint]:
        """Every version that the caller may see."""
        now_s = self._clock.wall_ns() / SECOND_NS
        return [
            each
            for each in self._endpoints.versions()
            if not each.is_http
            and may_see(ask.caller, each)
            and (each.sunset_wall_s is None or now_s < each.sunset_wall_s)
        ]

    def named(self, ask: Ask) -> Endpoint:
        """The version that the path names.

        Raises: NotFound, Forbidden; ModelUnavailable while the service starts.
        """
        found = model_named(ask.params["model"], ask.params.get("version"), self._endpoints)
        if not may_see(ask.caller, found):
            raise Forbidden(f"The scopes of this key do not hold {found.name} v{found.version}.")
        return found

    def is_ready(self, endpoint: Endpoint) -> bool:
        """Whether any of its targets can be asked."""
        return any(self._is_there(choice.name, endpoint) for choice in endpoint.targets)

    def _is_there(self, target: str, endpoint: Endpoint) -> bool:
        try:
            self._targets.find(target, endpoint.work or endpoint.task)
        except HeadworksError:
            return False
        return True


class TensorModels:
    """What is told of the service and of its models."""

    def __init__(self, shelf: Shelf, health: Health) -> None:
        self._shelf = shelf
        self._health = health

    def actions(self) -> dict[str, Action]:
        """The operations by name."""
        return {
            "oip.live": Operation(self._live, is_recorded=False),
            "oip.ready": Operation(self._ready, is_recorded=False),
            "oip.server": Operation(self._server, is_recorded=True),
            "oip.models": Operation(self._models, is_recorded=True),
            "oip.model": Operation(self._model, is_recorded=True),
            "oip.model-ready": Operation(self._model_ready, is_recorded=True),
            "oip.config": Operation(self._config, is_recorded=True),
        }

    async def _live(self, ask: Ask) -> Answer:
        return told({"live": True})

    async def _ready(self, ask: Ask) -> Answer:
        status, _ = self._health.ready()
        return told({"ready": status == 200, "live": True}, 200 if status == 200 else 503)

    async def _server(self, ask: Ask) -> Answer:
        """Load generators ask for statistics where they are said to be there, so only who is told them is told of them."""
        extensions = (*EXTENSIONS, STATISTICS) if may_count(ask.caller) else EXTENSIONS
        return told({"name": "headworks", "version": VERSION, "extensions": extensions})

    async def _models(self, ask: Ask) -> Answer:
        return told({"models": sorted({each.name for each in self._shelf.versions(ask)})})

    async def _model(self, ask: Ask) -> Answer:
        found = self._shelf.named(ask)
        versions = [each.version for each in self._shelf.versions(ask) if each.name == found.name]
        return told(model_metadata(found, versions))

    async def _model_ready(self, ask: Ask) -> Answer:
        found = self._shelf.named(ask)
        is_ready = self._shelf.is_ready(found)
        return told({"name": found.name, "ready": is_ready}, 200 if is_ready else 503)

    async def _config(self, ask: Ask) -> Answer:
        return told(model_config(self._shelf.named(ask), MOST_ROWS))


def told(document: object, status: int = 200) -> Answer:
    """A document of the protocol."""
    return Answer(_json(document), status=status, headers=_NO_STORE)
