"""A thread that writes log lines, so that a terminal or pipe that nobody reads stops no call."""

import os
from queue import SimpleQueue
from threading import Event, Thread


class ThreadSink:
    """Writes batches of lines to a file descriptor, one batch at a time; implements logs.Sink.

    Safe under: `offer` and `close` from one thread.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._batches: SimpleQueue[bytes] = SimpleQueue()
        self._is_free = Event()
        self._is_free.set()
        self._thread = Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def offer(self, batch: bytes) -> bool:
        """Take whole lines; False when earlier ones are still being written."""
        if not self._is_free.is_set():
            return False
        self._is_free.clear()
        self._batches.put(batch)
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until what was taken is written; False when it took too long."""
        return self._is_free.wait(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Write what was taken, within the time, and end the thread."""
        self._batches.put(b"")
        self._thread.join(timeout_s)

    def _write(self) -> None:
        while batch := self._batches.get():
            rest = memoryview(batch)
            try:
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
            except OSError:
                pass  # nobody reads: the lines are lost, the service goes on
            self._is_free.set()
