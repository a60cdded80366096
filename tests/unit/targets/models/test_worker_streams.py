"""Streams from a worker's generator to whoever pulls them."""

import json

import pytest

from headworks.errors import ModelError, SchemaViolation
from tests.unit.targets.models.house import call, deadline, models, outcome_of, run, settings, settled, until

EVENTS = "text/event-stream"
BOTH = pytest.mark.parametrize("is_async", [True, False])


def streaming(is_async):
    return settings(parameters={"is_stream": True, "is_batch": False, "is_async": is_async})


async def drained(outcome):
    events = []
    while (event := await settled(outcome.stream.next())) is not None:
        events.append(json.loads(event))
    return events


@BOTH
def test_events_come_in_order_to_their_own_caller(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            pool = house.find("model")
            pendings = [
                pool.start(call({"nonce": n, "events": 100}, media=EVENTS), "ann", deadline()) for n in range(5)
            ]
            return [await drained(await settled(pending)) for pending in pendings]

    streams = run(scene())

    assert streams == [[{"nonce": n, "event": e} for e in range(100)] for n in range(5)]


@BOTH
def test_without_a_wish_for_events_the_answer_is_their_array(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            return await settled(house.find("model").start(call({"nonce": 1, "events": 60}), "ann", deadline()))

    outcome = run(scene())

    assert outcome.stream is None
    assert [event["event"] for event in json.loads(outcome.body)] == list(range(60))


@BOTH
def test_an_empty_stream_ends_at_once(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            pool = house.find("model")
            return await drained(await settled(pool.start(call({"events": 0}, media=EVENTS), "ann", deadline())))

    assert run(scene()) == []


@BOTH
def test_what_fails_before_the_first_event_is_an_ordinary_error(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            pool = house.find("model")
            documents = ({"events": 3, "raise_at": 0}, {"do": "invalid"})
            pendings = [pool.start(call(document, media=EVENTS), "ann", deadline()) for document in documents]
            pendings.append(pool.start(call(rows=[{"events": 1}], media=EVENTS), "ann", deadline()))
            return [await outcome_of(pending) for pending in pendings]

    raised, invalid, array = run(scene())

    assert isinstance(raised, ModelError)
    assert isinstance(invalid, SchemaViolation)
    assert isinstance(array, SchemaViolation)


@BOTH
def test_what_fails_later_ends_the_stream_with_the_error(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            pool = house.find("model")
            outcome = await settled(pool.start(call({"events": 3, "raise_at": 2}, media=EVENTS), "ann", deadline()))
            return [await outcome_of(outcome.stream.next()) for _ in range(3)]

    first, second, third = run(scene())

    assert json.loads(first)["event"] == 0
    assert json.loads(second)["event"] == 1
    assert isinstance(third, ModelError)


@BOTH
def test_a_slow_reader_holds_its_own_stream_back_and_no_other(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            pool = house.find("model")
            slow = await settled(pool.start(call({"nonce": 1, "events": 10_000}, media=EVENTS), "ann", deadline()))
            quick = await settled(pool.start(call({"nonce": 2, "events": 500}, media=EVENTS), "bob", deadline()))
            events = await drained(quick)
            held = len(slow.stream._events)
            slow.stream.cancel()
            await until(lambda: pool.state().running_calls == 0)
            return events, held

    events, held = run(scene())

    assert len(events) == 500
    assert held <= 16


@BOTH
def test_a_cancelled_stream_stops_the_generator_and_frees_the_worker(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            pool = house.find("model")
            endless = await settled(pool.start(call({"events": 10**9}, media=EVENTS), "ann", deadline()))
            await settled(endless.stream.next())
            endless.stream.cancel()
            await until(lambda: pool.state().running_calls == 0)
            again = await settled(pool.start(call({"events": 2}, media=EVENTS), "ann", deadline()))
            return await drained(again), pool.state().restarts

    events, restarts = run(scene())

    assert len(events) == 2
    assert restarts == 0


@BOTH
def test_an_abandoned_stream_that_gave_nothing_yet_is_cancelled(is_async):
    async def scene():
        async with models(streaming(is_async)) as house:
            pool = house.find("model")
            pending = pool.start(call({"events": 10**9}), "ann", deadline())
            await until(lambda: pool.state().running_calls == 1)
            pending.abandon()
            await until(lambda: pool.state().running_calls == 0)
            return pending

    assert run(scene()).is_done
