"""Waiting on a thread that has no loop."""

import threading

import pytest

from headworks.bridge import Turns
from headworks.errors import NotFound
from headworks.pending import Pending


def elsewhere(turns, act):
    threading.Thread(target=turns.post, args=(act,)).start()


def test_what_other_threads_post_runs_on_the_thread_that_waits():
    turns, ran_on = Turns(), []

    async def work():
        for number in range(100):
            pending = Pending()
            elsewhere(turns, lambda pending=pending, number=number: pending.resolve(number))
            assert await pending == number
            ran_on.append(threading.current_thread())
        return "done"

    assert turns.result_of(work()) == "done"
    assert set(ran_on) == {threading.current_thread()}


def test_a_failure_arrives_where_it_was_waited_for():
    turns, pending = Turns(), Pending()
    elsewhere(turns, lambda: pending.fail(NotFound("gone")))

    async def work():
        await pending

    with pytest.raises(NotFound, match="gone"):
        turns.result_of(work())
