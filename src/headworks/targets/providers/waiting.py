"""Waiting for what comes later or first, on Pending results: no task, no loop is known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from headworks.pending import Pending
from headworks.units import MILLISECOND_NS, SECOND_NS

T = TypeVar("T")

TIMER_GRAIN_NS = MILLISECOND_NS
"""How much too early a loop's timer may ring."""


class Timer(Protocol):
    """Something due later."""

    def cancel(self) -> None:
        """It is not wanted any more."""


class Timers(Protocol):
    """The part of an event loop that calls back later."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call after so many seconds."""


def pause(timers: Timers, wait_ns: int) -> Pending[None]:
    """Resolves after the time, never before it; abandoning it stops the timer."""
    pending: Pending[None] = Pending()
    timer = timers.call_later((wait_ns + TIMER_GRAIN_NS) / SECOND_NS, lambda: pending.resolve(None))
    pending.on_abandon = timer.cancel
    return pending


def done_within(awaited: Pending[Any], timers: Timers, wait_ns: int) -> Pending[bool]:
    """Resolves with True when `awaited` is done, with False when the time is over first: `awaited` then goes on.

    Abandoning it abandons `awaited`.
    """
    told: Pending[bool] = Pending()
    if awaited.is_done:
        told.resolve(True)
        return told
    timer = timers.call_later(max(wait_ns, 0) / SECOND_NS, lambda: told.resolve(False))

    def done() -> None:
        timer.cancel()
        told.resolve(True)

    def abandoned() -> None:
        timer.cancel()
        awaited.abandon()

    awaited.when_done(done)
    told.on_abandon = abandoned
    return told


class Gathered(Generic[T]):
    """The results of several starts in their order, a few under way at a time; the first failure abandons the others.

    Shapes: `result` resolves once; abandoning it abandons all that run.
    """

    __slots__ = ("_at_once", "_left", "_results", "_running", "_starts", "result")

    def __init__(self, starts: Sequence[Callable[[], Pending[T]]], at_once: int) -> None:
        self.result: Pending[list[T]] = Pending()
        self.result.on_abandon = self._abandon
        self._at_once = at_once
        self._starts = iter(enumerate(starts))
        self._results: list[Any] = [None] * len(starts)
        self._left = len(starts)
        self._running: dict[int, Pending[T]] = {}
        self._fill()

    def _fill(self) -> None:
        while not self.result.is_done and len(self._running) < self._at_once:
            following = next(self._starts, None)
            if following is None:
                break
            number, start = following
            pending = start()
            if pending.is_done:
                self._take(number, pending)
                continue
            self._running[number] = pending
            pending.when_done(partial(self._ended, number))
        if not self._left:
            self.result.resolve(self._results)

    def _ended(self, number: int) -> None:
        self._take(number, self._running.pop(number))
        self._fill()

    def _take(self, number: int, pending: Pending[T]) -> None:
        if pending.error is not None:
            self._abandon()
            self.result.fail(pending.error)
            return
        self._results[number] = pending.result()
        self._left -= 1

    def _abandon(self) -> None:
        running = list(self._running.values())
        self._running.clear()
        for pending in running:
            pending.abandon()
