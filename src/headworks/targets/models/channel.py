"""Frames over one Unix stream socket: a fixed prefix, a header, then raw bytes. No I/O in the decoder.

A frame is two little-endian u32 (size of the header, size of the body), the header, the body. The top bit of the
first number says that the body is not here but in an anonymous file whose descriptor came along (SCM_RIGHTS).
Neither end trusts the other's numbers: sizes are bounded before anything is kept, and an attached file is read,
not mapped, so that nobody can shrink it under a reader.
"""

import array
import os
import socket
from collections import deque
from collections.abc import Sequence
from mmap import mmap
from struct import Struct as Layout

from msgspec import Struct

from headworks.targets.models.messages import encode

MAX_HEADER_BYTES = 16 * 2**20
MAX_BODY_BYTES = 2**30
MAX_WAITING_FILES = 8
RECEIVE_BYTES = 256 * 2**10
VECTORS_A_WRITE = 512

_PREFIX = Layout("<II")
_PREFIX_BYTES = _PREFIX.size
_ATTACHED = 0x8000_0000
_ANCILLARY_BYTES = socket.CMSG_SPACE(MAX_WAITING_FILES * array.array("i").itemsize)
_NOTHING: list["Frame"] = []
_CLOSE_ON_EXEC = int(socket.MSG_CMSG_CLOEXEC)
_TRUNCATED = int(socket.MSG_CTRUNC)
"""As plain integers: the enumeration's own operators cost a microsecond each."""


class FrameRefused(Exception):
    """The other end sent what is no frame; nothing after it can be trusted."""


class Frame(Struct, frozen=True, gc=False):
    """One header with its body; `attached_bytes` above zero says that the body is in a file."""

    header: bytes
    body: bytes
    attached_bytes: int = 0


class Packed(Struct, frozen=True, gc=False):
    """A frame as it is sent: bytes for the socket, and perhaps a file that goes along."""

    data: bytes
    file: int | None = None


def pack(message: Struct, parts: Sequence[bytes] = (), attach_above: int = 2**20) -> Packed:
    """A message and its raw bytes as one frame; above the limit the bytes go into an anonymous file."""
    header = encode(message)
    size = sum(map(len, parts))
    if size > MAX_BODY_BYTES or len(header) > MAX_HEADER_BYTES:
        raise FrameRefused(f"frame of {len(header)} + {size} bytes is above its bound")
    if size <= attach_above:
        return Packed(b"".join((_PREFIX.pack(len(header), size), header, *parts)))
    return Packed(_PREFIX.pack(len(header) | _ATTACHED, size) + header, _filled(parts))


class FrameDecoder:
    """Turns bytes, cut anywhere, into frames.

    Raises: FrameRefused, at the prefix, before anything above the bounds is kept.
    Cost: a chunk that holds whole frames is only sliced; a frame in pieces is copied twice.
    """

    __slots__ = ("_kept", "_needed")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._needed = 0

    @property
    def is_between_frames(self) -> bool:
        """Whether the stream may end here."""
        return not self._kept

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames completed by this chunk, in order."""
        kept = self._kept
        if kept:
            kept += chunk
            if len(kept) < self._needed:
                return _NOTHING
            chunk = bytes(kept)
            kept.clear()
        frames: list[Frame] = []
        at, end = 0, len(chunk)
        while end - at >= _PREFIX_BYTES:
            header_size, body_size = _PREFIX.unpack_from(chunk, at)
            is_attached = header_size & _ATTACHED
            header_size &= ~_ATTACHED
            if header_size > MAX_HEADER_BYTES or body_size > MAX_BODY_BYTES or (is_attached and not body_size):
                raise FrameRefused(f"a frame claims {header_size} + {body_size} bytes")
            body_at = at + _PREFIX_BYTES + header_size
            frame_end = body_at if is_attached else body_at + body_size
            if frame_end > end:
                break
            header = chunk[at + _PREFIX_BYTES : body_at]
            frames.append(Frame(header, chunk[body_at:frame_end], body_size if is_attached else 0))
            at = frame_end
        if at < end:
            self._keep(chunk, at)
        return frames

    def _keep(self, chunk: bytes, at: int) -> None:
        left = len(chunk) - at
        self._kept += memoryview(chunk)[at:]
        self._needed = _PREFIX.size
        if left >= _PREFIX.size:
            header_size, body_size = _PREFIX.unpack_from(chunk, at)
            self._needed += (header_size & ~_ATTACHED) + (0 if header_size & _ATTACHED else body_size)


class Receiver:
    """Reads frames from a socket, with the files that came along.

    Raises: FrameRefused; OSError of the socket; BlockingIOError when nothing has come and it does not wait.
    """

    __slots__ = ("_buffer", "_decoder", "_files", "_socket", "_view", "is_ended")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._decoder = FrameDecoder()
        self._buffer = mmap(-1, RECEIVE_BYTES)  # takes no memory before something comes that needs it
        self._view = memoryview(self._buffer)
        self._files: deque[int] = deque()
        self.is_ended = False

    def receive(self, flags: int = 0) -> list[Frame]:
        """The frames that one read completes; none and `is_ended` at the end of the stream."""
        size, ancillary, seen, _ = self._socket.recvmsg_into((self._buffer,), _ANCILLARY_BYTES, flags | _CLOSE_ON_EXEC)
        if ancillary:
            self._accept(ancillary)
        if seen & _TRUNCATED or len(self._files) > MAX_WAITING_FILES:
            raise FrameRefused("more files came along than frames may announce")
        if not size:
            self.is_ended = True
            return _NOTHING
        frames = self._decoder.feed(bytes(self._view[:size]))
        for frame in frames:
            if frame.attached_bytes:
                return [self._whole(each) if each.attached_bytes else each for each in frames]
        return frames

    def close(self) -> None:
        """Close files nobody asked for; the socket is the owner's."""
        while self._files:
            os.close(self._files.popleft())

    def _accept(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
                self._files.extend(numbers)

    def _whole(self, frame: Frame) -> Frame:
        if not self._files:
            raise FrameRefused("a frame announces a file that did not come")
        file = self._files.popleft()
        try:
            return Frame(frame.header, _read(file, frame.attached_bytes))
        finally:
            os.close(file)


class Sender:
    """Writes frames to a socket that does not wait; what does not fit is kept in order until `flush`.

    Bounded by its user: at most two batches a worker are ever outstanding.
    """

    __slots__ = ("_kept", "_socket")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._kept: deque[tuple[memoryview, int | None]] = deque()

    def send(self, packed: Packed) -> bool:
        """Send now what the socket takes; True when all is gone.

        Raises: OSError when the other end has left.
        """
        if self._kept:
            self._kept.append((memoryview(packed.data), packed.file))
            return False
        if packed.file is None:
            try:
                sent = self._socket.send(packed.data)
            except BlockingIOError:
                sent = 0
            if sent == len(packed.data):
                return True
            self._kept.append((memoryview(packed.data)[sent:], None))
            return False
        self._kept.append((memoryview(packed.data), packed.file))
        return self.flush()

    def flush(self) -> bool:
        """Send what was kept, as far as the socket takes it; True when all is gone."""
        while self._kept:
            data, file = self._kept[0]
            try:
                sent = self._socket.sendmsg((data,), _rights(file))
            except BlockingIOError:
                return False
            if file is not None:
                os.close(file)
            if sent < len(data):
                self._kept[0] = (data[sent:], None)
            else:
                self._kept.popleft()
        return True

    def close(self) -> None:
        """Drop what was kept."""
        while self._kept:
            _, file = self._kept.popleft()
            if file is not None:
                os.close(file)


def send_all(sock: socket.socket, packed: Packed) -> None:
    """Send a whole frame on a socket that waits."""
    if packed.file is None:
        sock.sendall(packed.data)
        return
    try:
        sent = sock.sendmsg((packed.data,), _rights(packed.file))
    finally:
        os.close(packed.file)
    sock.sendall(packed.data[sent:])


def check_sizes(sizes: Sequence[int], size_bytes: int) -> None:
    """Refuse sizes that do not add up to the body."""
    if sum(sizes) != size_bytes or (sizes and min(sizes) < 0):
        raise FrameRefused("the sizes in a header do not add up to its body")


def _rights(file: int | None) -> list[tuple[int, int, bytes]]:
    if file is None:
        return []
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (file,)).tobytes())]


def _filled(parts: Sequence[bytes]) -> int:
    file = os.memfd_create("headworks", os.MFD_CLOEXEC)
    try:
        left = [memoryview(part) for part in parts if part]
        while left:
            written = os.writev(file, left[:VECTORS_A_WRITE])
            left = _after(left, written)
    except OSError:
        os.close(file)
        raise
    return file


def _after(parts: list[memoryview], written: int) -> list[memoryview]:
    for position, part in enumerate(parts):
        if written < len(part):
            return [part[written:], *parts[position + 1 :]]
        written -= len(part)
    return []


def _read(file: int, size: int) -> bytes:
    """Exactly so many bytes of an attached file, from its start."""
    if os.fstat(file).st_size < size:
        raise FrameRefused("an attached file is shorter than announced")
    whole = os.pread(file, size, 0)
    if len(whole) == size:
        return whole
    pieces = [whole]
    have = len(whole)
    while have < size:
        piece = os.pread(file, size - have, have)
        if not piece:
            raise FrameRefused("an attached file is shorter than announced")
        pieces.append(piece)
        have += len(piece)
    return b"".join(pieces)
