"""What a worker prints, as lines for the log: bounded in length and in number, never in the worker's way."""

import os
from asyncio import AbstractEventLoop

from headworks.targets.models.engine import Log

READ_BYTES = 64 * 2**10
LONGEST_LINE_BYTES = 4096
LINES_A_SECOND = 200


class Output:
    """Reads one worker's standard output and error to the end.

    Lines beyond `LINES_A_SECOND` are dropped and counted; the worker is never held up by them.
    """

    def __init__(self, loop: AbstractEventLoop, file: int, name: str, log: Log) -> None:
        self._loop = loop
        self._file = file
        self._name = name
        self._log = log
        self._rest = b""
        self._second = 0
        self._lines = 0
        self._dropped = 0
        self._is_open = True
        os.set_blocking(file, False)
        loop.add_reader(file, self._readable)

    def say(self, line: str) -> None:
        """A line of our own about this worker."""
        self._log(self._name, line)

    def finish(self) -> None:
        """The worker has ended: read what is left and close."""
        for _ in range(16):
            if not self._is_open or not self._read():
                break
        self._close()

    def _readable(self) -> None:
        self._read()

    def _read(self) -> bool:
        try:
            chunk = os.read(self._file, READ_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._close()
            return False
        *lines, rest = (self._rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            lines.append(rest)
            rest = b""
        self._rest = rest
        for line in lines:
            self._pass_on(line)
        return True

    def _pass_on(self, line: bytes) -> None:
        second = int(self._loop.time())
        if second != self._second:
            if self._dropped:
                self.say(f"{self._dropped} lines of output were dropped")
            self._second, self._lines, self._dropped = second, 0, 0
        self._lines += 1
        if self._lines > LINES_A_SECOND:
            self._dropped += 1
        elif line.strip():
            self.say(line[:LONGEST_LINE_BYTES].decode("utf-8", "backslashreplace").rstrip())

    def _close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._file)
        os.close(self._file)
        if self._rest:
            self._pass_on(self._rest)
            self._rest = b""
