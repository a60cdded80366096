"""What vendors' clients ask beside calls: the list of models, and one of them."""

from urllib.parse import unquote

from headworks.dialects.anthropic import models as anthropic_models
from headworks.dialects.naming import endpoint_named, names_of
from headworks.dialects.openai import models as openai_models
from headworks.errors import Forbidden
from headworks.operations.service import Operation
from headworks.ports import Action, Answer, Ask, Endpoints
from headworks.request.authorise import may_see
from headworks.units import SECOND_NS, Clock
from headworks.values import RawRequest

_NO_STORE = (("Cache-Control", "no-store"),)


class ModelList:
    """The published endpoints as models, as each caller may see them; a version past its sunset is none."""

    def __init__(self, endpoints: Endpoints, clock: Clock) -> None:
        self._endpoints = endpoints
        self._clock = clock

    def actions(self) -> dict[str, Action]:
        """The operations by name."""
        return {
            "models.named": Operation(self._list, is_recorded=True),
            "models.one": Operation(self._one, is_recorded=True),
        }

    async def _list(self, ask: Ask) -> Answer:
        now_s = self._clock.wall_ns() / SECOND_NS
        standing = [
            each
            for each in self._endpoints.versions()
            if may_see(ask.caller, each) and (each.sunset_wall_s is None or now_s < each.sunset_wall_s)
        ]
        names = [name for name, _ in names_of(standing)]
        if is_anthropic(ask.raw):
            return _answer(ask, anthropic_models.listed(names))
        return _answer(ask, openai_models.listed(names))

    async def _one(self, ask: Ask) -> Answer:
        name = unquote(ask.params["asked"])
        found = endpoint_named(name, self._endpoints)
        if not may_see(ask.caller, found):
            raise Forbidden(f"The scopes of this key do not hold {found.name} v{found.version}.")
        return _answer(ask, anthropic_models.one(name) if is_anthropic(ask.raw) else openai_models.one(name))


def is_anthropic(raw: RawRequest) -> bool:
    """Whether one of Anthropic's clients asks: each names the version of the API."""
    return "anthropic-version" in raw.headers


def _answer(ask: Ask, body: bytes) -> Answer:
    return Answer(body, headers=(("request-id", ask.raw.request_id), *_NO_STORE))
