"""The body of an HTTP/1.1 response as it comes: its framing (RFC 9112 sections 6 and 7) and its coding, bounded.

Pure: `feed` takes what has come and says how far it read. What is left after that comes again, with more behind it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Protocol

from headworks.errors import ProviderBroken
from headworks.targets.providers.http.head import CHUNKED, TO_CLOSE

_LONGEST_CHUNK_LINE_BYTES = 256
_MOST_TRAILER_BYTES = 8192
_MOST_INFLATED_BYTES_A_READ = 16 * 2**20
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_GZIP, _ZLIB, _RAW = 31, 15, -15


class Framing(Protocol):
    """A body under way."""

    is_complete: bool

    def feed(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Put what `data` holds of the body from `at` on into `pieces`; where reading stopped.

        Raises: ProviderBroken.
        """


class Sized:
    """A body of a stated length."""

    __slots__ = ("_left", "is_complete")

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_complete = length == 0

    def feed(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Take as much as is still to come."""
        piece = data[at : at + self._left]
        if piece:
            pieces.append(piece)
            self._left -= len(piece)
            self.is_complete = self._left == 0
        return at + len(piece)


class ToClose:
    """A body that ends where its connection ends."""

    __slots__ = ("is_complete",)

    def __init__(self) -> None:
        self.is_complete = False

    def feed(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Take everything."""
        if at < len(data):
            pieces.append(data[at:])
        return len(data)


class Chunked:
    """A body in chunks; extensions and trailers are checked, bounded and dropped."""

    __slots__ = ("_is_in_trailer", "_left", "_trailer_bytes", "is_complete")

    def __init__(self) -> None:
        self.is_complete = self._is_in_trailer = False
        self._left = 0
        self._trailer_bytes = 0

    def feed(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Take every chunk, and the part of one, that is there."""
        size = len(data)
        while at < size and not self.is_complete:
            if self._is_in_trailer:
                following = self._trailer(data, at)
            elif self._left:
                following = self._data(data, at, pieces)
            else:
                following = self._line(data, at)
            if following == at:
                break
            at = following
        return at

    def _line(self, data: bytes, at: int) -> int:
        end = _line_end(data, at)
        if end < 0:
            return at
        match = _CHUNK_LINE.fullmatch(data, at, end)
        if match is None:
            raise ProviderBroken(reason="response holds a chunk without a size")
        length = int(match[1], 16)
        if length:
            self._left = length + 2
        else:
            self._is_in_trailer = True
        return end + 2

    def _data(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Content, then the CRLF that ends a chunk: `_left` counts both."""
        stop = at + self._left
        if stop <= len(data):
            if data[max(at, stop - 2) : stop] != b"\r\n"[-self._left :]:
                raise ProviderBroken(reason="response holds a chunk that is longer than its size")
            self._left = 0
            if stop - 2 > at:
                pieces.append(data[at : stop - 2])
            return stop
        end = min(len(data), stop - 2)
        if end > at:
            pieces.append(data[at:end])
            self._left -= end - at
            return end
        return self._half_end(data, at)

    def _half_end(self, data: bytes, at: int) -> int:
        if data[at:] != b"\r":
            raise ProviderBroken(reason="response holds a chunk that is longer than its size")
        self._left = 1
        return at + 1

    def _trailer(self, data: bytes, at: int) -> int:
        end = _line_end(data, at)
        if end < 0:
            return at
        if end == at:
            self.is_complete = True
            return end + 2
        self._trailer_bytes += end + 2 - at
        if self._trailer_bytes > _MOST_TRAILER_BYTES or _TRAILER_LINE.fullmatch(data, at, end) is None:
            raise ProviderBroken(reason="response ends with trailers that are none, or too many")
        return end + 2


class Inflated:
    """A gzip or deflate body, unpacked as it comes and never past its bound."""

    __slots__ = ("_left", "_start", "_unpacker")

    def __init__(self, coding: str, most_bytes: int) -> None:
        self._unpacker = None if coding == "deflate" else zlib.decompressobj(_GZIP)
        self._start = b""
        self._left = most_bytes

    def take(self, piece: bytes) -> bytes:
        """What this packed piece unpacks to.

        Raises: ProviderBroken.
        """
        unpacker = self._unpacker
        if unpacker is None:
            piece = self._start + piece
            if len(piece) < 2:
                self._start = piece
                return b""
            unpacker = self._unpacker = zlib.decompressobj(_ZLIB if _has_zlib_header(piece) else _RAW)
        most_bytes = min(self._left, _MOST_INFLATED_BYTES_A_READ) + 1
        try:
            unpacked = unpacker.decompress(piece, most_bytes)
        except zlib.error:
            raise ProviderBroken(reason="response is not in the coding it states") from None
        if len(unpacked) == most_bytes or unpacker.unused_data:
            raise ProviderBroken(reason="response unpacks to more than is taken, or has bytes behind its end")
        self._left -= len(unpacked)
        return unpacked

    def finish(self) -> None:
        """The body has ended.

        Raises: ProviderBroken, when the coding has not.
        """
        if self._unpacker is None or not self._unpacker.eof:
            raise ProviderBroken(reason="compressed response ends early")


def framing_of(length: int) -> Framing:
    """What reads a body of this length (see Head)."""
    if length == CHUNKED:
        return Chunked()
    return ToClose() if length == TO_CLOSE else Sized(length)


def inflater_of(headers: Mapping[str, str], most_bytes: int) -> Inflated | None:
    """What undoes the coding of a body, None when it has none.

    Raises: ProviderBroken, for a coding not read here.
    """
    coding = headers.get("content-encoding", "identity").lower()
    if coding in {"identity", ""}:
        return None
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise ProviderBroken(reason="response comes in a coding that was not asked for")
    return Inflated(coding, most_bytes)


def _has_zlib_header(start: bytes) -> bool:
    """Whether deflate comes in its zlib wrapper; some servers leave it away (RFC 9110 section 8.4.1.2)."""
    return start[0] & 15 == 8 and (start[0] << 8 | start[1]) % 31 == 0


def _line_end(data: bytes, at: int) -> int:
    """Where the line that starts at `at` ends, -1 when its end has not come.

    Raises: ProviderBroken, for a line that is too long.
    """
    end = data.find(b"\r\n", at, at + _LONGEST_CHUNK_LINE_BYTES + 2)
    if end < 0 and len(data) - at > _LONGEST_CHUNK_LINE_BYTES:
        raise ProviderBroken(reason="response holds a chunk line that is too long")
    return end
