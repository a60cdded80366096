import json

import pytest

from headworks.errors import Draining, ModelUnavailable, NotFound
from tests.unit.targets.models.house import call, deadline, models, outcome_of, run, settings, settled


def test_models_are_found_by_name_once_they_are_ready():
    async def scene():
        async with models(settings("a"), settings("b", replicas=2)) as house:
            with pytest.raises(ModelUnavailable):
                house.find("c")
            return house.find("a").name, house.find("b").name, house.announcements, house.states()

    a, b, announcements, states = run(scene())

    assert (a, b) == ("a", "b")
    assert set(announcements) == {"a", "b"}
    assert [(state.name, state.status, state.ready) for state in states] == [("a", "ready", 1), ("b", "ready", 2)]


def test_a_model_that_is_not_there_cannot_be_swapped():
    async def scene():
        async with models(settings()) as house:
            return await outcome_of(house.swap("other"))

    assert isinstance(run(scene()), NotFound)


def test_of_two_swaps_at_once_the_second_is_refused():
    async def scene():
        async with models(settings()) as house:
            first, second = house.swap("model"), house.swap("model")
            return await outcome_of(second), await outcome_of(first)

    second, first = run(scene())

    assert isinstance(second, ModelUnavailable)
    assert first.model_version == "1"


def test_a_swap_is_refused_once_the_service_ends():
    async def scene():
        async with models(settings()) as house:
            await house.close(1.0)
            return await outcome_of(house.swap("model"))

    assert isinstance(run(scene()), Draining)


def test_a_swap_under_way_ends_with_the_service():
    async def scene():
        async with models(settings()) as house:
            swap = house.swap("model", settings(parameters={"load_s": 30}).source)
            await house.close(1.0)
            return await outcome_of(swap)

    assert isinstance(run(scene()), ModelUnavailable)


def test_a_stream_goes_on_in_the_version_that_was_replaced():
    facts = {"is_stream": True, "is_batch": False}

    async def scene():
        async with models(settings(parameters={**facts, "version": "1"})) as house:
            asked = call({"events": 200}, media="text/event-stream")
            outcome = await settled(house.find("model").start(asked, "ann", deadline()))
            await settled(house.swap("model", settings(parameters={**facts, "version": "2"}).source))
            events = []
            while (event := await settled(outcome.stream.next())) is not None:
                events.append(json.loads(event)["event"])
            return events

    assert run(scene()) == list(range(200))


def test_a_reload_names_what_did_not_start_and_keeps_it_serving(tmp_path):
    flag = tmp_path / "flag"

    async def scene():
        async with models(settings("a", parameters={"flag": str(flag)}), settings("b")) as house:
            flag.touch()
            wrong = await settled(house.reload())
            answer = await settled(house.find("a").start(call({"nonce": 1}), "ann", deadline()))
            return wrong, json.loads(answer.body)["nonce"]

    wrong, nonce = run(scene())

    assert list(wrong) == ["a"]
    assert "flag file" in wrong["a"]
    assert nonce == 1
