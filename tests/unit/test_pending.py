"""Waiting without a task."""

import pytest

from headworks.pending import Pending, drive


class Ended:
    """Remembers how a driven coroutine ended."""

    def __init__(self):
        self.calls = []

    def __call__(self, value, error):
        self.calls.append((value, error))


async def add_one(pending):
    return await pending + 1


def test_a_coroutine_that_never_waits_ends_in_the_call_that_starts_it():
    ended = Ended()

    async def answer():
        return 42

    drive(answer(), ended)

    assert ended.calls == [(42, None)]


def test_a_result_resumes_the_coroutine_once():
    pending, ended = Pending(), Ended()
    drive(add_one(pending), ended)
    pending.resolve(1)
    pending.resolve(5)

    assert ended.calls == [(2, None)]


def test_a_result_that_is_there_already_is_not_waited_for():
    pending, ended = Pending(), Ended()
    pending.resolve(1)
    drive(add_one(pending), ended)

    assert ended.calls == [(2, None)]


def test_an_error_is_raised_where_the_coroutine_waits():
    pending, ended = Pending(), Ended()
    drive(add_one(pending), ended)
    error = KeyError("gone")
    pending.fail(error)

    assert ended.calls == [(None, error)]


def test_cancel_raises_inside_and_tells_the_producer():
    pending, ended, told = Pending(), Ended(), []
    pending.on_abandon = lambda: told.append(True)
    driven = drive(add_one(pending), ended)
    error = TimeoutError()
    driven.cancel(error)
    pending.resolve(1)

    assert told == [True]
    assert ended.calls == [(None, error)]


def test_a_cancelled_coroutine_may_still_wait_for_its_last_words():
    first, second, ended = Pending(), Pending(), Ended()

    async def tidy():
        try:
            await first
        except TimeoutError:
            return await second

    driven = drive(tidy(), ended)
    driven.cancel(TimeoutError())

    assert ended.calls == []
    second.resolve("written")
    assert ended.calls == [("written", None)]


def test_cancel_after_the_end_does_nothing():
    ended = Ended()

    async def answer():
        return 1

    drive(answer(), ended).cancel(TimeoutError())

    assert ended.calls == [(1, None)]


def test_many_results_in_a_row_do_not_grow_the_stack():
    waits = [Pending() for _ in range(5000)]
    ended = Ended()

    async def total():
        return sum([await pending for pending in waits])

    drive(total(), ended)
    for pending in reversed(waits):
        pending.resolve(1)

    assert ended.calls == [(5000, None)]


def test_a_result_may_not_be_read_early():
    with pytest.raises(RuntimeError):
        Pending().result()
