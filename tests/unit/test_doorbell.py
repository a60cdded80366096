"""Callbacks posted from other threads, heard by a real loop."""

import asyncio
import threading

import pytest

from headworks.doorbell import Doorbell


def heard(post_all):
    """What a loop hears of callbacks that other threads post until one says `done`."""

    async def run():
        loop = asyncio.get_running_loop()
        bell, said, done = Doorbell(loop), [], asyncio.Event()
        loop.set_exception_handler(lambda _, context: said.append(type(context["exception"]).__name__))
        post_all(bell, said, done)
        await asyncio.wait_for(done.wait(), 10)
        bell.close()
        return said

    return asyncio.run(run())


def test_what_another_thread_posts_runs_on_the_loops_thread_in_order():
    def post_all(bell, said, done):
        def post():
            for number in range(1000):
                bell.post(lambda number=number: said.append((number, threading.get_ident())))
            bell.post(done.set)

        threading.Thread(target=post).start()

    assert heard(post_all) == [(number, threading.get_ident()) for number in range(1000)]


def test_nothing_is_lost_when_many_threads_post_at_once():
    def post_all(bell, said, done):
        def post(name):
            for _ in range(500):
                bell.post(lambda: said.append(name))
            bell.post(lambda: done.set() if len(said) == 2000 else None)

        for name in range(4):
            threading.Thread(target=post, args=(name,)).start()

    said = heard(post_all)

    assert [said.count(name) for name in range(4)] == [500] * 4


def test_a_callback_that_fails_does_not_hold_up_the_next():
    def post_all(bell, said, done):
        for callback in (lambda: said.append(1), lambda: 1 / 0, lambda: said.append(2), done.set):
            bell.post(callback)

    assert heard(post_all) == [1, "ZeroDivisionError", 2]


def test_what_waits_when_it_closes_still_runs_and_later_posts_are_refused():
    async def run():
        said = []
        bell = Doorbell(asyncio.get_running_loop())
        bell.post(lambda: said.append("heard"))
        bell.close()
        bell.close()
        with pytest.raises(RuntimeError):
            bell.post(lambda: said.append("never"))
        return said

    assert asyncio.run(run()) == ["heard"]
