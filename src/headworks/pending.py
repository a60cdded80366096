"""Waiting without a task: a one-shot result, and a driver that runs a coroutine on callbacks.

An asyncio task a call costs 4-5 µs; the request's path waits at most a few times, so it is driven by hand.
No event loop is known here. A coroutine driven by `drive` may await `Pending` objects only.
"""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

from msgspec import Struct

from headworks.errors import ClientGone

T = TypeVar("T")


class Pending(Generic[T]):
    """A result that arrives once, by callback, on the thread of the event loop.

    `abandon` tells the producer that nobody waits any more; set `on_abandon` to be told.
    Safe under: one thread.
    """

    __slots__ = ("_callback", "_error", "_value", "is_done", "on_abandon")

    def __init__(self) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._callback: Callable[[], None] | None = None
        self.is_done = False
        self.on_abandon: Callable[[], None] | None = None

    def resolve(self, value: T) -> None:
        """Give the result; a second result is ignored."""
        if self.is_done:
            return
        self._value = value
        self.is_done = True
        callback = self._callback
        if callback is not None:
            self._callback = None
            callback()

    def fail(self, error: BaseException) -> None:
        """Give an error instead of a result; ignored when already done."""
        if self.is_done:
            return
        self._error = error
        self.is_done = True
        callback = self._callback
        if callback is not None:
            self._callback = None
            callback()

    def abandon(self) -> None:
        """Say that nobody waits any more; the producer may drop the work."""
        self._callback = None
        if not self.is_done and self.on_abandon is not None:
            self.on_abandon()

    def when_done(self, callback: Callable[[], None]) -> None:
        """Call back once, at once if the result is there; the latest callback replaces an earlier one."""
        if self.is_done:
            callback()
        else:
            self._callback = callback

    def result(self) -> T:
        """The result.

        Raises: the error it failed with; RuntimeError before it is done.
        """
        if not self.is_done:
            raise RuntimeError("not done")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]  # Any inside, T outside: the slot is written by resolve only

    @property
    def error(self) -> BaseException | None:
        """What it failed with; None when it did not, or is not done."""
        return self._error

    def __await__(self) -> Generator["Pending[T]", None, T]:
        if not self.is_done:
            yield self
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]  # as above


class Driven(Struct, Generic[T], eq=False):
    """A coroutine under way; `done` is called once with its result or its error."""

    _coroutine: Coroutine[Any, Any, T]
    _done: Callable[[T | None, BaseException | None], None]
    _waiting: Pending[Any] | None = None

    def step(self) -> None:
        """Run to the next wait or to the end."""
        coroutine = self._coroutine
        while True:
            try:
                waiting = coroutine.send(None)
            except StopIteration as stop:
                self._done(stop.value, None)
                return
            except BaseException as error:  # handed to done, which decides
                self._done(None, error)
                return
            if not waiting.is_done:
                self._waiting = waiting
                waiting._callback = self.step
                return

    def leave(self) -> None:
        """Raise ClientGone inside the coroutine where it waits."""
        self.cancel(ClientGone())

    def cancel(self, error: BaseException) -> None:
        """Raise `error` inside the coroutine where it waits; without effect once it has ended."""
        waiting = self._waiting
        if waiting is None or waiting.is_done:
            return
        self._waiting = None
        waiting.abandon()
        try:
            following = self._coroutine.throw(error)
        except StopIteration as stop:
            self._done(stop.value, None)
        except BaseException as raised:  # handed to done, which decides
            self._done(None, raised)
        else:
            self._waiting = following
            following.when_done(self.step)


def drive(coroutine: Coroutine[Any, Any, T], done: Callable[[T | None, BaseException | None], None]) -> Driven[T]:
    """Start the coroutine now, in this call, and run it on the callbacks of what it awaits."""
    driven = Driven(coroutine, done)
    driven.step()
    return driven


def driven(work: Coroutine[Any, Any, T]) -> Pending[T]:
    """A coroutine's result as a Pending; abandoning it raises ClientGone where the coroutine waits.

    Once it has ended, nothing holds it but who waits.
    """
    pending: Pending[T] = Pending()  # and no class of its own: attributes of one class alone are quick
    under_way = Driven(work, partial(_ended, pending))
    under_way.step()
    if not pending.is_done:
        pending.on_abandon = under_way.leave
    return pending


def _ended(pending: Pending[Any], value: Any, error: BaseException | None) -> None:
    pending.on_abandon = None  # else the two would hold each other
    if error is None:
        pending.resolve(value)
    else:
        pending.fail(error)


class Shared(Generic[T]):
    """One result for many who wait; one that gives up is left out, and the work goes on for the others.

    Shapes: `join` gives each their own Pending.
    """

    __slots__ = ("_waiting", "_work")

    def __init__(self, work: Pending[T]) -> None:
        self._work = work
        self._waiting: list[Pending[T]] = []
        work.when_done(self._tell)

    @property
    def is_done(self) -> bool:
        """Whether the result is there."""
        return self._work.is_done

    def join(self) -> Pending[T]:
        """One more who waits."""
        mine: Pending[T] = Pending()
        if self._work.is_done:
            _copied(self._work, mine)
        else:
            self._waiting.append(mine)
            mine.on_abandon = partial(self._leave, mine)
        return mine

    def _leave(self, mine: Pending[T]) -> None:
        self._waiting = [pending for pending in self._waiting if pending is not mine]

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for pending in waiting:
            pending.on_abandon = None
            _copied(self._work, pending)


def _copied(done: Pending[T], to: Pending[T]) -> None:
    if done._error is None:
        to.resolve(done._value)
    else:
        to.fail(done._error)
