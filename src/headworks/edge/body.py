"""The body of an HTTP/1.1 request as it comes: its framing (RFC 9112 sections 6 and 7) and its coding, both bounded.

Pure: `feed` takes what has come, says how far it read, and raises a refusal. Unpacked bytes never pass the bound.
"""

import re
import zlib
from typing import Protocol

from headworks.edge.head import CHUNKED, Head
from headworks.edge.limits import EdgeLimits
from headworks.errors import BodyTooLarge, Malformed, UnsupportedMedia

_LONGEST_CHUNK_LINE_BYTES = 256
_MOST_TRAILER_BYTES = 4096
_FREE_FRAMING_BYTES = 64 * 2**10
_SLICE_BYTES = 2**18
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Content(Protocol):
    """Takes the pieces of a body and gives it whole."""

    wire_bytes: int

    @property
    def size_bytes(self) -> int:
        """How much is held."""

    def take(self, piece: bytes) -> None:
        """One more piece.

        Raises: BodyTooLarge, Malformed.
        """

    def whole(self) -> bytes:
        """Everything taken.

        Raises: Malformed, when a coding did not come to its end.
        """


class Incoming(Protocol):
    """A body under way."""

    content: Content
    is_complete: bool

    def feed(self, data: bytes, at: int) -> int:
        """Read on from `at`; where reading stopped. What is left after it comes again, with more behind it.

        Raises: Malformed, BodyTooLarge.
        """


class Identity:
    """A body without a coding."""

    __slots__ = ("_buffer", "_most_bytes", "wire_bytes")

    def __init__(self, limits: EdgeLimits) -> None:
        self._most_bytes = limits.max_body_bytes
        self._buffer = bytearray()
        self.wire_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How much is held."""
        return len(self._buffer)

    def take(self, piece: bytes) -> None:
        """One more piece."""
        self.wire_bytes += len(piece)
        if self.wire_bytes > self._most_bytes:
            raise body_too_large(self._most_bytes)
        self._buffer += piece

    def whole(self) -> bytes:
        """Everything taken."""
        return bytes(self._buffer)


class Inflated:
    """A gzip or deflate body, unpacked as it comes: bounded in size, and in ratio once it is large."""

    __slots__ = ("_buffer", "_limits", "_unpacker", "wire_bytes")

    def __init__(self, limits: EdgeLimits, coding: str) -> None:
        self._limits = limits
        self._unpacker = zlib.decompressobj(_WINDOW_BITS[coding])
        self._buffer = bytearray()
        self.wire_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How much is held, unpacked."""
        return len(self._buffer)

    def take(self, piece: bytes) -> None:
        """One more packed piece."""
        self.wire_bytes += len(piece)
        while piece:
            if self._unpacker.eof:
                raise Malformed("Bytes follow the end of the compressed body")
            try:
                self._buffer += self._unpacker.decompress(piece, _SLICE_BYTES)
            except zlib.error:
                raise Malformed("The body is not what Content-Encoding says") from None
            self._check()
            piece = self._unpacker.unconsumed_tail or self._unpacker.unused_data

    def whole(self) -> bytes:
        """Everything unpacked."""
        if not self._unpacker.eof:
            raise Malformed("The compressed body ends early")
        return bytes(self._buffer)

    def _check(self) -> None:
        size_bytes = len(self._buffer)
        limits = self._limits
        if size_bytes > limits.max_body_bytes:
            raise body_too_large(limits.max_body_bytes)
        if size_bytes > max(limits.inflate_ratio_from_bytes, limits.max_inflate_ratio * self.wire_bytes):
            raise BodyTooLarge(f"A compressed body may unpack to at most {limits.max_inflate_ratio} times its size")


class SizedBody:
    """A body of an announced length."""

    __slots__ = ("_left", "content", "is_complete")

    def __init__(self, content: Content, length: int) -> None:
        self.content = content
        self._left = length
        self.is_complete = length == 0

    def feed(self, data: bytes, at: int) -> int:
        """Read on from `at`; where reading stopped."""
        piece = data[at : at + self._left]
        self._left -= len(piece)
        self.content.take(piece)
        self.is_complete = self._left == 0
        return at + len(piece)


class ChunkedBody:
    """A body in chunks; extensions and trailers are checked, bounded and dropped."""

    __slots__ = ("_framing_bytes", "_left", "_step", "content", "is_complete")

    def __init__(self, content: Content) -> None:
        self.content = content
        self.is_complete = False
        self._left = 0
        self._framing_bytes = 0
        self._step = self._size

    def feed(self, data: bytes, at: int) -> int:
        """Read on from `at`; where reading stopped."""
        while not self.is_complete:
            following = self._step(data, at)
            if following < 0:
                break
            at = following
        return at

    def _size(self, data: bytes, at: int) -> int:
        end = _line_end(data, at)
        if end < 0:
            return -1
        match = _CHUNK_LINE.fullmatch(data, at, end)
        if match is None:
            raise Malformed("A chunk must start with its size in hexadecimal on a line of its own")
        self._count_framing(end + 4 - at)
        self._left = int(match[1], 16)
        self._step = self._data if self._left else self._trailer
        return end + 2

    def _data(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._left]
        if not piece:
            return -1
        self.content.take(piece)
        self._left -= len(piece)
        if not self._left:
            self._step = self._data_end
        return at + len(piece)

    def _data_end(self, data: bytes, at: int) -> int:
        if not b"\r\n".startswith(data[at : at + 2]):
            raise Malformed("A chunk must end with CRLF after as many bytes as it announced")
        if len(data) - at < 2:
            return -1
        self._step = self._size
        return at + 2

    def _trailer(self, data: bytes, at: int) -> int:
        end = _line_end(data, at)
        if end < 0:
            return -1
        if end == at:
            self.is_complete = True
            return end + 2
        if _TRAILER_LINE.fullmatch(data, at, end) is None:
            raise Malformed("A trailer must be a header field on one line")
        self._left += end + 2 - at
        if self._left > _MOST_TRAILER_BYTES:
            raise Malformed(f"Trailers may have at most {_MOST_TRAILER_BYTES} bytes")
        return end + 2

    def _count_framing(self, size_bytes: int) -> None:
        # Without this, one byte a chunk would buy a hundred times its share of the processor.
        self._framing_bytes += size_bytes
        if self._framing_bytes > _FREE_FRAMING_BYTES + self.content.wire_bytes // 8:
            raise Malformed("The body comes in chunks that are too small, or carry too much beside their data")


def incoming(head: Head, limits: EdgeLimits) -> Incoming:
    """The body this head announces, ready to be fed.

    Raises: BodyTooLarge, by the announced length; UnsupportedMedia, for a coding not read here.
    """
    content = content_of(head, limits)
    if head.length == CHUNKED:
        return ChunkedBody(content)
    if head.length > limits.max_body_bytes:
        raise body_too_large(limits.max_body_bytes)
    return SizedBody(content, head.length)


def body_too_large(most_bytes: int) -> BodyTooLarge:
    """The refusal of a body above this bound."""
    return BodyTooLarge(f"A body may have at most {most_bytes} bytes")


def content_of(head: Head, limits: EdgeLimits) -> Content:
    """What takes the pieces of this head's body, whatever frames them.

    Raises: UnsupportedMedia, for a coding not read here.
    """
    coding = head.headers.get("content-encoding", "identity").lower()
    if coding == "identity":
        return Identity(limits)
    if coding in _WINDOW_BITS:
        return Inflated(limits, coding)
    raise UnsupportedMedia(
        "Content-Encoding may be gzip, deflate or identity", headers=(("Accept-Encoding", "gzip, deflate"),)
    )


def _line_end(data: bytes, at: int) -> int:
    limit = at + _LONGEST_CHUNK_LINE_BYTES
    end = data.find(b"\r\n", at, limit)
    if end < 0 and (len(data) >= limit or b"\n" in data[at:limit]):
        raise Malformed(f"A line between chunks must end with CRLF within {_LONGEST_CHUNK_LINE_BYTES} bytes")
    return end
