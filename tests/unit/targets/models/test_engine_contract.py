"""What every engine owes a pool; the fake one and local processes are held to the same."""

import asyncio
import json
import os

import pytest

from headworks.targets.models.messages import Batch, Load
from headworks.targets.models.process import ProcessEngine
from headworks.units import SystemClock
from tests.unit.targets.models.fake_engine import FakeEngine, World
from tests.unit.targets.models.house import COMMAND, run, settings

FAR_NS = 2**62


class Ear:
    """Implements Listener: remembers what it was told, by kind."""

    def __init__(self):
        self.told = []

    def __getattr__(self, kind):
        return lambda *facts: self.told.append((kind, *facts))

    def kinds(self):
        return [kind for kind, *_ in self.told]

    def answers(self):
        """Each answered id with its body."""
        found = {}
        for kind, *facts in self.told:
            if kind == "done":
                done, body = facts
                at = 0
                for call_id, size in zip(done.ids, done.sizes, strict=True):
                    found[call_id] = json.loads(body[at : at + size])
                    at += size
        return found


class Processes:
    def __init__(self):
        self.engine = ProcessEngine(asyncio.get_running_loop(), dict(os.environ), lambda name, line: None, COMMAND)

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.002)


class Fakes:
    def __init__(self):
        self.world = World()
        self.engine = FakeEngine(self.world, answers_at_once=True)

    async def until(self, condition):
        for _ in range(100):
            self.world.advance(0.01)
        assert condition()


@pytest.fixture(params=[Processes, Fakes])
def kind(request):
    return request.param


def load(**parameters):
    return Load(settings(parameters=parameters).source, 32, True, 8, 2**20)


async def started(kind, **parameters):
    house, ear = kind(), Ear()
    worker = house.engine.start(settings(), ear)
    worker.load(load(**parameters))
    assert ear.told == []
    await house.until(lambda: ear.told)
    return house, ear, worker


async def ended(house):
    await house.until(lambda: house.engine.when_idle().is_done)


def test_a_loaded_model_announces_itself_once(kind):
    async def scene():
        house, ear, worker = await started(kind)
        worker.kill()
        await ended(house)
        return ear

    ear = run(scene())

    assert ear.kinds() == ["ready", "gone"]
    assert ear.told[0][1].announcement.model_version == "1"


def test_a_model_that_does_not_load_says_why_and_ends(kind):
    async def scene():
        house, ear, _ = await started(kind, fail="no weights")
        await house.until(lambda: "gone" in ear.kinds())
        await ended(house)
        return ear

    ear = run(scene())

    assert ear.kinds() == ["refused", "gone"]
    assert "no weights" in ear.told[0][1].reason


def test_every_call_sent_is_answered_under_its_own_id(kind):
    async def scene():
        house, ear, worker = await started(kind)
        for first in (10, 20):
            ids = list(range(first, first + 3))
            parts = [json.dumps({"nonce": call_id, "n": call_id}).encode() for call_id in ids]
            worker.send(Batch(ids, [len(part) for part in parts], [FAR_NS] * 3), parts)
        await house.until(lambda: len(ear.answers()) == 6)
        worker.kill()
        await ended(house)
        return ear.answers()

    answers = run(scene())

    assert {call_id: answer["nonce"] for call_id, answer in answers.items()} == {n: n for n in (10, 11, 12, 20, 21, 22)}


@pytest.mark.parametrize("way", ["kill", "leave"])
def test_an_end_is_told_once_and_what_is_sent_later_is_dropped(kind, way):
    async def scene():
        house, ear, worker = await started(kind)
        _ = worker.kill() if way == "kill" else worker.leave(5.0)
        await house.until(lambda: "gone" in ear.kinds())
        worker.send(Batch([1], [2], [FAR_NS]), [b"{}"])
        worker.cancel([1])
        worker.grant(1, 1)
        worker.kill()
        worker.leave(1.0)
        await ended(house)
        return ear, worker

    ear, worker = run(scene())

    assert ear.kinds() == ["ready", "gone"]
    assert worker.resident_bytes() == 0


def test_a_deadline_in_the_past_is_answered_as_such_by_a_process():
    async def scene():
        house, ear, worker = await started(Processes)
        worker.send(Batch([1], [2], [SystemClock.monotonic_ns()]), [b"{}"])
        await house.until(lambda: "done" in ear.kinds())
        worker.kill()
        await ended(house)
        return next(facts[0] for kind, *facts in ear.told if kind == "done")

    (failure,) = run(scene()).failures

    assert failure.code == "deadline_exceeded"
