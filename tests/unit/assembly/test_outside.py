"""The services outside, from one configuration to the next."""

import asyncio
from pathlib import Path

import pytest

from headworks.assembly.outside import Outside
from headworks.errors import ConfigurationRefused
from headworks.money.prices import shipped
from headworks.offload import ThreadOffload
from headworks.settings.reading import parse_config
from headworks.stores.belongings import SqliteBelongings
from headworks.targets.providers.owned import Ownership, Register
from headworks.units import SystemClock
from tests.fakes_store import OneConnection

TEXT = """\
providers:
  up: {kind: openai, base_url: "http://127.0.0.1:9/v1", max_connections: %d}
  down: {kind: openai, base_url: "http://127.0.0.1:9/v1", max_connections: %d}
endpoints:
  one: {v1: {task: chat, targets: [up/a]}}
  two: {v1: {task: chat, targets: [down/a]}}
"""


@pytest.fixture
def outside():
    loop = asyncio.new_event_loop()
    known = SqliteBelongings(OneConnection(), SystemClock())
    known.prepare()
    offload = ThreadOffload(loop.call_soon_threadsafe)
    made = Outside(loop, SystemClock(), offload, None, Ownership(Register(known, str, str.encode), None, None, None))
    yield made
    made.close()
    offload.close()
    loop.close()


def targets(outside, *most_connections):
    config = parse_config(TEXT % most_connections, "headworks.yaml", {})
    prepared = outside.prepared(config, Path(), shipped())
    outside.use(prepared)
    return prepared.targets


def test_a_new_configuration_may_connect_to_an_origin_in_another_way(outside):
    before, after = targets(outside, 5, 5), targets(outside, 6, 6)

    assert {name for name, _ in before} == {name for name, _ in after} == {"up/a", "down/a"}


def test_two_providers_may_not_connect_to_one_origin_in_two_ways(outside):
    with pytest.raises(ConfigurationRefused) as caught:
        targets(outside, 5, 6)

    assert [error.pointer for error in caught.value.errors] == ["/providers/down"]
