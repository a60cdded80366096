"""Between coroutines that await Pending results and those who know nothing of them: asyncio, and plain threads."""

import asyncio
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Any, TypeVar

from headworks.pending import drive

T = TypeVar("T")


async def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a driven coroutine, awaited from an asyncio task.

    Raises: what the coroutine raises.
    """
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def ended(value: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)

    drive(coroutine, ended)
    return await future  # type: ignore[no-any-return]  # set above, from T


class Turns:
    """Takes the place of a loop on a thread that has none: what other threads post is run here, while a result is waited for.

    Safe under: the thread that waits; `post` from any.
    """

    def __init__(self) -> None:
        self._posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.post = self._posted.put

    def result_of(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a driven coroutine.

        Raises: what the coroutine raises.
        """
        ended: list[tuple[Any, BaseException | None]] = []
        drive(coroutine, lambda value, error: ended.append((value, error)))
        while not ended:
            self._posted.get()()
        value, error = ended[0]
        if error is not None:
            raise error
        return value  # type: ignore[no-any-return]  # given above, from T
