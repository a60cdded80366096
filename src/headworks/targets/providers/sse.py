"""Server-sent events out of bytes cut anywhere.

Source: WHATWG HTML, "Server-sent events": lines end with LF, CR LF or CR, an event with an empty line.
"""

from msgspec import Struct

from headworks.errors import ProviderBroken

MOST_EVENT_BYTES = 16 * 2**20
_BOM = b"\xef\xbb\xbf"


class ServerEvent(Struct, frozen=True, gc=False):
    """One event: its name (empty unless said) and its data, lines joined by LF."""

    name: bytes
    data: bytes


class EventReader:
    """Collects bytes until events are whole; comments, ids and retry times are dropped.

    Cost: linear in the bytes, however they are cut.
    """

    __slots__ = ("_data", "_ended_with_cr", "_is_start", "_name", "_open", "_open_bytes")

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._data: list[bytes] = []
        self._name = b""
        self._ended_with_cr = False
        self._is_start = True

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that these bytes complete.

        Raises: ProviderBroken for an event above 16 MiB.
        """
        if self._ended_with_cr and data[:1] == b"\n":
            data = data[1:]
            self._ended_with_cr = False
        if not data:
            return []
        self._ended_with_cr = data[-1] == 13
        self._open_bytes += len(data)
        if self._open_bytes > MOST_EVENT_BYTES:
            raise ProviderBroken(reason="an event of the stream is too long")
        lines = data.splitlines()
        rest = b"" if data[-1] in b"\r\n" else lines.pop()
        if not lines:
            self._open.append(rest)
            return []
        if self._open:
            lines[0] = b"".join((*self._open, lines[0]))
        self._open = [rest] if rest else []
        return self._events(lines)

    def finish(self) -> list[ServerEvent]:
        """The event whose lines are whole but whose empty line never came, if any."""
        lines = [b"".join(self._open)] if self._open else []
        self._open = []
        return self._events([*lines, b""])

    def _events(self, lines: list[bytes]) -> list[ServerEvent]:
        if self._is_start:
            self._is_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        found = []
        for line in lines:
            if not line:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    found.append(ServerEvent(self._name, data))
                    self._data = []
                self._name = b""
                self._open_bytes = 0
            elif line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
        return found
