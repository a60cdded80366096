"""AWS's binary event streams out of bytes cut anywhere, both checksums of every message checked.

A message: length of all, length of the headers, CRC-32 of those eight bytes; headers; payload; CRC-32 of all before it.
Source: Smithy specification, `Amazon Event Stream`.
"""

from __future__ import annotations

from struct import Struct as Layout
from zlib import crc32

from msgspec import Struct

from headworks.errors import ProviderBroken

PRELUDE = Layout(">III")
CHECKSUM = Layout(">I")
FRAME_BYTES = PRELUDE.size + CHECKSUM.size
MOST_MESSAGE_BYTES = 25 * 2**20
MOST_HEADER_BYTES = 128 * 2**10
FIXED_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Types of header values that have a fixed size: booleans, integers, a time, an id."""
SIZED = frozenset({6, 7})
"""Bytes and text, each behind a 16-bit length."""
TEXT = 7


class Event(Struct, frozen=True, gc=False):
    """One message: `event`, `exception` or `error`, its name, its payload, and what an error says of itself."""

    kind: str
    name: str
    payload: bytes
    message: str = ""


class EventDecoder:
    """Collects bytes until messages are whole.

    Cost: linear in the bytes, however they are cut.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def is_between(self) -> bool:
        """Whether nothing of a next message has come."""
        return not self._buffer

    def feed(self, data: bytes) -> list[Event]:
        """The messages these bytes complete.

        Raises: ProviderBroken for a wrong checksum or an impossible length.
        """
        self._buffer += data
        events, at = [], 0
        while len(self._buffer) - at >= PRELUDE.size:
            size_bytes, headers_bytes = self._sizes(at)
            if len(self._buffer) - at < size_bytes:
                break
            events.append(_event(bytes(self._buffer[at : at + size_bytes]), headers_bytes))
            at += size_bytes
        del self._buffer[:at]
        return events

    def _sizes(self, at: int) -> tuple[int, int]:
        size_bytes, headers_bytes, checksum = PRELUDE.unpack_from(self._buffer, at)
        if crc32(self._buffer[at : at + 8]) != checksum:
            raise ProviderBroken(reason="event stream: wrong checksum of a prelude")
        if size_bytes > MOST_MESSAGE_BYTES or headers_bytes > min(size_bytes - FRAME_BYTES, MOST_HEADER_BYTES):
            raise ProviderBroken(reason="event stream: impossible length")
        return size_bytes, headers_bytes


def _event(message: bytes, headers_bytes: int) -> Event:
    if crc32(message[: -CHECKSUM.size]) != CHECKSUM.unpack_from(message, len(message) - CHECKSUM.size)[0]:
        raise ProviderBroken(reason="event stream: wrong checksum of a message")
    ends = PRELUDE.size + headers_bytes
    headers = _headers(message[PRELUDE.size : ends])
    kind = headers.get(":message-type", "")
    name = next((headers[key] for key in (":event-type", ":exception-type", ":error-code") if key in headers), "")
    return Event(kind, name, message[ends : -CHECKSUM.size], headers.get(":error-message", ""))


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are text; others are stepped over."""
    found, at = {}, 0
    try:
        while at < len(data):
            name = data[at + 1 : at + 1 + data[at]]
            at += 1 + data[at]
            kind, at = data[at], at + 1
            size_bytes = FIXED_BYTES.get(kind, 0)
            if kind in SIZED:
                size_bytes, at = int.from_bytes(data[at : at + 2], "big"), at + 2
            elif kind not in FIXED_BYTES:
                raise ProviderBroken(reason="event stream: unknown type of header")
            if kind == TEXT:
                found[name.decode()] = data[at : at + size_bytes].decode()
            at += size_bytes
    except (IndexError, UnicodeDecodeError):
        raise ProviderBroken(reason="event stream: broken header") from None
    if at != len(data):
        raise ProviderBroken(reason="event stream: broken header")
    return found
