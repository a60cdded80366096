"""Between coroutines that await Pending results and those who know nothing of them: asyncio, and plain threads."""

import asyncio
import threading
from collections.abc import Coroutine
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


def blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a driven coroutine on a thread without a loop; its waits end on the writer's thread.

    Raises: what the coroutine raises.
    """
    done = threading.Event()
    ended: list[tuple[Any, BaseException | None]] = []

    def end(value: T | None, error: BaseException | None) -> None:
        ended.append((value, error))
        done.set()

    drive(coroutine, end)
    done.wait()
    value, error = ended[0]
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]  # given above, from T
