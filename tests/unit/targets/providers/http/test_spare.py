"""Connections made anew for those that cancelled calls took with them: ready for the next call, few, and never for a failure."""

import asyncio

import pytest

from headworks.errors import ProviderTimeout
from headworks.targets.providers.client import Timeouts
from headworks.targets.providers.http.pool import MOST_SPARE
from tests.unit.targets.providers.http.house import LOOPS, got, house, run, until
from tests.unit.targets.providers.http.upstream import answer


@pytest.fixture(params=sorted(LOOPS))
def loop(request):
    return request.param


class Late:
    """A script that answers nobody before it is told to."""

    def __init__(self):
        self.go = asyncio.Event()

    async def __call__(self, line):
        while True:
            await line.request()
            await self.go.wait()
            await line.send(answer())


async def silent(line):
    """A script that answers nobody."""
    await line.request()
    await line.gone()


def asked(at):
    return sum(len(line.requests) for line in at.upstream.lines)


def test_the_next_call_after_a_cancelled_one_finds_a_connection_ready(loop):
    async def scenario():
        script = Late()
        async with house(script) as at:
            call = at.send()
            await until(lambda: asked(at) == 1)
            call.abandon()
            await until(lambda: at.client.counts(at.origin) == (1, 1, 0))
            script.go.set()
            reply = await at.ask()

            assert reply.status == 200
            assert [len(line.requests) for line in at.upstream.lines] == [1, 1]

    run(scenario(), loop)


def test_a_call_that_comes_while_it_is_being_made_takes_it_and_makes_none(loop):
    async def scenario():
        script = Late()
        async with house(script) as at:
            call = at.send()
            await until(lambda: asked(at) == 1)
            call.abandon()
            again = at.send()
            script.go.set()
            reply = await got(again)

            assert reply.status == 200
            assert len(at.upstream.lines) == 2
            assert at.client.counts(at.origin) == (1, 1, 0)

    run(scenario(), loop)


def test_however_many_are_cancelled_only_so_many_stand_ready(loop):
    async def scenario():
        async with house(silent) as at:
            calls = [at.send() for _ in range(MOST_SPARE + 8)]
            await until(lambda: asked(at) == len(calls))
            for call in calls:
                call.abandon()
            await until(lambda: at.client.counts(at.origin)[1] == MOST_SPARE)

            assert at.client.counts(at.origin) == (MOST_SPARE, MOST_SPARE, 0)

    run(scenario(), loop)


def test_a_call_that_the_origin_left_without_an_answer_is_not_followed_by_another_connection(loop):
    async def scenario():
        async with house(silent) as at:
            call = at.send(timeouts=Timeouts(first_byte_s=5))
            await until(lambda: asked(at) == 1)
            at.clock.advance(s=6)
            at.client._sweep()
            counts = at.client.counts(at.origin)

            assert isinstance(call.error, ProviderTimeout)
            assert counts == (0, 0, 0)

    run(scenario(), loop)


def test_one_that_nobody_takes_is_closed_like_any_other(loop):
    async def scenario():
        async with house(silent) as at:
            call = at.send()
            await until(lambda: asked(at) == 1)
            call.abandon()
            await until(lambda: at.client.counts(at.origin) == (1, 1, 0))
            at.clock.advance(s=31)
            at.client._sweep()

            assert at.client.counts(at.origin) == (0, 0, 0)

    run(scenario(), loop)


def test_an_origin_that_is_named_no_more_gets_none(loop):
    async def scenario():
        async with house(silent) as at:
            call = at.send()
            await until(lambda: asked(at) == 1)
            pool = at.client._pools[at.origin]
            pool.retire()
            call.abandon()

            assert pool.counts() == (0, 0, 0)

    run(scenario(), loop)
