"""What clients of the Open Inference Protocol ask beside calls: health, the models, their tensors, what is ready."""

import msgspec

from headworks.contract.schema import MOST_ROWS
from headworks.dialects.oip.metadata import EXTENSIONS, model_config, model_metadata
from headworks.dialects.oip.way import model_named
from headworks.errors import Forbidden, HeadworksError
from headworks.operations import Operation
from headworks.ports import Action, Answer, Ask, Endpoints, Targets
from headworks.request.authorise import may_see
from headworks.units import SECOND_NS, Clock
from headworks.values import Endpoint
from headworks.watch.health import Health

VERSION = "0.1.0"
_NO_STORE = (("Cache-Control", "no-store"),)
_json = msgspec.json.Encoder().encode


class TensorModels:
    """The published endpoints as the protocol's models, as each caller may see them."""

    def __init__(self, endpoints: Endpoints, targets: Targets, health: Health, clock: Clock) -> None:
        self._endpoints = endpoints
        self._targets = targets
        self._health = health
        self._clock = clock

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
            "oip.index": Operation(self._index, is_recorded=True),
        }

    async def _live(self, ask: Ask) -> Answer:
        return _answer({"live": True})

    async def _ready(self, ask: Ask) -> Answer:
        status, _ = self._health.ready()
        return _answer({"ready": status == 200, "live": True}, 200 if status == 200 else 503)

    async def _server(self, ask: Ask) -> Answer:
        return _answer({"name": "headworks", "version": VERSION, "extensions": EXTENSIONS})

    async def _models(self, ask: Ask) -> Answer:
        return _answer({"models": sorted({each.name for each in self._visible(ask)})})

    async def _model(self, ask: Ask) -> Answer:
        found = self._found(ask)
        versions = [each.version for each in self._visible(ask) if each.name == found.name]
        return _answer(model_metadata(found, versions))

    async def _model_ready(self, ask: Ask) -> Answer:
        found = self._found(ask)
        is_ready = any(self._is_ready(found, choice.name) for choice in found.targets)
        return _answer({"name": found.name, "ready": is_ready}, 200 if is_ready else 503)

    async def _config(self, ask: Ask) -> Answer:
        return _answer(model_config(self._found(ask), MOST_ROWS))

    async def _index(self, ask: Ask) -> Answer:
        return _answer(
            [
                {"name": each.name, "version": str(each.version), "state": "READY", "reason": ""}
                for each in self._visible(ask)
            ]
        )

    def _visible(self, ask: Ask) -> list[Endpoint]:
        now_s = self._clock.wall_ns() / SECOND_NS
        return [
            each
            for each in self._endpoints.versions()
            if not each.is_http
            and may_see(ask.caller, each)
            and (each.sunset_wall_s is None or now_s < each.sunset_wall_s)
        ]

    def _found(self, ask: Ask) -> Endpoint:
        found = model_named(ask.params["model"], ask.params.get("version"), self._endpoints)
        if not may_see(ask.caller, found):
            raise Forbidden(f"The scopes of this key do not hold {found.name} v{found.version}.")
        return found

    def _is_ready(self, endpoint: Endpoint, target: str) -> bool:
        try:
            self._targets.find(target, endpoint.task)
        except HeadworksError:
            return False
        return True


def _answer(document: object, status: int = 200) -> Answer:
    return Answer(_json(document), status=status, headers=_NO_STORE)
