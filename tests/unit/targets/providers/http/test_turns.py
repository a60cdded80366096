"""Connections that are begun in turn: how many in a round of the loop, in which order, and what a cancelled one leaves."""

import asyncio

import pytest

from headworks.targets.providers.http.turns import MOST_A_ROUND, Turns
from tests.unit.targets.providers.http.house import LOOPS, run, until


@pytest.fixture(params=sorted(LOOPS))
def loop(request):
    return request.param


class Rounds:
    """Notes who has begun in which round of the loop, as the turns count rounds."""

    def __init__(self):
        self.turns = Turns(asyncio.get_running_loop())
        self.begun = []
        self.number = 0
        asyncio.get_running_loop().call_soon(self._next)

    async def begin(self, who):
        await self.turns.mine()
        self.begun.append((self.number, who))

    def _next(self):
        self.number += 1
        if self.number < 100:
            asyncio.get_running_loop().call_soon(self._next)


def test_few_begin_in_a_round_and_all_in_the_order_they_came(loop):
    async def scenario():
        rounds = Rounds()
        async with asyncio.TaskGroup() as group:
            for who in range(5 * MOST_A_ROUND):
                group.create_task(rounds.begin(who))
        in_round = [sum(number == at for at, _ in rounds.begun) for number in {at for at, _ in rounds.begun}]

        assert [who for _, who in rounds.begun] == list(range(5 * MOST_A_ROUND))
        assert len(in_round) >= 5
        assert max(in_round) <= MOST_A_ROUND

    run(scenario(), loop)


def test_a_lone_one_begins_at_once(loop):
    async def scenario():
        turns = Turns(asyncio.get_running_loop())
        coroutine = turns.mine()

        with pytest.raises(StopIteration):
            coroutine.send(None)

    run(scenario(), loop)


def test_one_that_is_cancelled_gives_its_turn_to_the_next(loop):
    async def scenario():
        rounds = Rounds()
        tasks = [asyncio.ensure_future(rounds.begin(who)) for who in range(3 * MOST_A_ROUND)]
        await asyncio.sleep(0)
        for task in tasks[MOST_A_ROUND : 2 * MOST_A_ROUND]:
            task.cancel()
        await until(lambda: all(task.done() for task in tasks))
        kept = [*range(MOST_A_ROUND), *range(2 * MOST_A_ROUND, 3 * MOST_A_ROUND)]

        assert [who for _, who in rounds.begun] == kept

    run(scenario(), loop)


def test_once_all_have_begun_the_next_does_not_wait(loop):
    async def scenario():
        rounds = Rounds()
        await asyncio.gather(*(rounds.begin(who) for who in range(2 * MOST_A_ROUND)))
        await until(lambda: not rounds.turns._begun)

        with pytest.raises(StopIteration):
            rounds.turns.mine().send(None)

    run(scenario(), loop)
