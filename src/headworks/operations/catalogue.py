"""The catalogue, the OpenAPI document and the docs page as operations: each caller sees what its key may call."""

from headworks.admin.catalogue import detail, listing
from headworks.admin.docs_page import HEADERS, PAGES, page
from headworks.admin.openapi import openapi
from headworks.errors import Forbidden
from headworks.operations.service import Operation, Run
from headworks.ports import Action, Answer, Ask, Endpoints
from headworks.request.authorise import may_see
from headworks.units import SECOND_NS, Clock
from headworks.values import Endpoint

MOST_DOCUMENTS = 64
_NO_STORE = (("Cache-Control", "no-store"),)


class Catalogue:
    """What is published, as each caller may see it.

    The OpenAPI document is built once for each set of visible versions and hour; at most 64 are kept.
    """

    def __init__(self, endpoints: Endpoints, clock: Clock) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._documents: dict[tuple[int, tuple[int, ...]], tuple[tuple[Endpoint, ...], bytes]] = {}

    def actions(self) -> dict[str, Action]:
        """The operations by name."""
        return {
            "catalogue.list": Operation(self._list, is_recorded=True),
            "catalogue.show": Operation(self._show, is_recorded=True),
            "catalogue.openapi": Operation(self._openapi, is_recorded=True),
            "docs.page": Operation(_file("docs.html"), is_recorded=True),
            "docs.style": Operation(_file("docs.css"), is_recorded=False),
            "docs.script": Operation(_file("docs.js"), is_recorded=False),
        }

    async def _list(self, ask: Ask) -> Answer:
        return Answer(listing(self._visible(ask), self._wall_s()), headers=_NO_STORE)

    async def _show(self, ask: Ask) -> Answer:
        found = self._endpoints.named(ask.params["endpoint"], int(ask.params["version"]))
        if not may_see(ask.caller, found):
            raise Forbidden(f"The scopes of this key do not hold {found.name} v{found.version}.")
        return Answer(detail(found, self._wall_s()), headers=_NO_STORE)

    async def _openapi(self, ask: Ask) -> Answer:
        visible = self._visible(ask)
        key = (int(self._wall_s() // 3600), tuple(map(id, visible)))
        known = self._documents.get(key)
        if known is None:
            if len(self._documents) >= MOST_DOCUMENTS:
                self._documents.clear()
            # The versions are kept with their document: while they live no other can have their identity.
            known = self._documents[key] = (visible, openapi(visible, self._wall_s()))
        return Answer(known[1], headers=_NO_STORE)

    def _visible(self, ask: Ask) -> tuple[Endpoint, ...]:
        return tuple(each for each in self._endpoints.versions() if may_see(ask.caller, each))

    def _wall_s(self) -> float:
        return self._clock.wall_ns() / SECOND_NS


def _file(name: str) -> Run:
    async def run(ask: Ask) -> Answer:
        return Answer(page(name), PAGES[name], headers=HEADERS)

    return run
