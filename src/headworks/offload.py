"""CPU work outside the event loop's thread: large bodies are parsed here, so that small calls and health stay quick."""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Full, Queue
from typing import TypeVar

from headworks.errors import Overloaded
from headworks.pending import Pending

T = TypeVar("T")
Post = Callable[[Callable[[], None]], object]

MOST_WAITING = 64


class ThreadOffload:
    """Implements the Offload port with a few threads and a bounded queue; `post` runs a callback on the loop's thread.

    The threads end with `close`, after what was queued.
    """

    def __init__(self, post: Post, threads: int = 1) -> None:
        self._post = post
        self._queue: Queue[Callable[[], None] | None] = Queue(MOST_WAITING)
        self._threads = [threading.Thread(target=self._run, name=f"offload-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def __call__(self, work: Callable[[], T], /) -> Pending[T]:
        """Run `work` on a thread; see ports.Offload."""
        pending: Pending[T] = Pending()

        def carry_out() -> None:
            try:
                result = work()
            except BaseException as error:  # handed to whoever waits
                self._post(lambda error=error: pending.fail(error))  # type: ignore[misc]  # default binds the name
            else:
                self._post(lambda: pending.resolve(result))

        try:
            self._queue.put_nowait(carry_out)
        except Full:
            pending.fail(Overloaded("Too many large bodies are being read.", retry_after_s=1.0))
        return pending

    def beside(self, threads: int) -> "ThreadOffload":
        """Threads of their own for work that may wait long for somebody else, so that what is read here does not."""
        return ThreadOffload(self._post, threads)

    def close(self, patience_s: float = 10.0) -> None:
        """End the threads after the queued work; one that takes longer ends with the process."""
        with suppress(Full):
            for _ in self._threads:
                self._queue.put(None, timeout=patience_s)
        for thread in self._threads:
            thread.join(timeout=patience_s)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            job()
