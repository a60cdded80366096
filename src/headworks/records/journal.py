"""What was promised before the store has it: one file beside it that a killed process leaves behind, written in place.

Two segments are written in turn. A frame holds some items, sealed; items are numbered without gaps, so that a reader knows
where the newest frames end and what an earlier round left behind them. Nothing is written over that the store still lacks.
The file is mapped to memory: writing costs no system call and no switch between threads, and goes on while a disk hangs,
but for the first write to a page since the system last saved it. Like the store's own commits what is written survives the end of
the process, not a power cut.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from errno import ENOSPC, ENOTSUP
from mmap import mmap
from pathlib import Path
from struct import Struct as Layout

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headworks.durable import sync_folder
from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.records.kms import WrappedElsewhere, not_asked
from headworks.units import random_bytes

FILE = "journal"
DRAFT = f"{FILE}.new"
"""What a kill within `Journal.begin` leaves."""
SEGMENT_BYTES = 2 * 2**20
START_BYTES = 4096
KEY_BYTES = 32
IN_PLACE = frozenset({"ext2", "ext3", "ext4", "xfs", "tmpfs", "overlay"})
MOUNTS = Path("/proc/self/mountinfo")
_MAGIC = b"headworks journal 1\n"
_WRAPPED = Layout("<H")
_HEAD = Layout("<IIQ")
"""Of a frame: bytes of what is sealed, items in it, the number of the first."""
_LIKE_A_HEAD = re.compile(rb"..[\0-\x1f]\0(?!\0\0\0)..[\0-\x1f]\0.{6}\0\0", re.DOTALL)
"""Of a frame that fits in its segment, with at least one item and at most one a byte."""
_TAG_BYTES = 16
_PAD = bytes(4)
_ADVICE = "move it away to start without the last calls that it promised."

Frame = tuple[int, bytes]
"""The number of a frame's first item, and the items as they were given."""


class _Segment:
    """One half of the file: where it starts, how far it is written, how far it ever was, its newest item."""

    __slots__ = ("at", "last", "start", "used")

    def __init__(self, start: int) -> None:
        self.start = start
        self.at = self.used = self.last = 0


class Journal:
    """Keeps what was promised until the store has it.

    Bounded: by its two segments; what finds no room is refused.
    Safe under: one thread.
    Cost: about 2 µs a frame and 1 µs a kilobyte.
    """

    def __init__(self, handle: int, folder: Path, key: bytes, number: int) -> None:
        self._handle = handle
        self._memory = mmap(handle, START_BYTES + 2 * SEGMENT_BYTES)
        self._folder = folder
        self._seal = AESGCM(key).encrypt
        self._writing, self._resting = _Segment(START_BYTES), _Segment(START_BYTES + SEGMENT_BYTES)
        self._number = self._passed = number
        self._to_wipe: list[_Segment] = []

    @classmethod
    def begin(cls, folder: Path, wrap: Callable[[bytes], bytes], number: int) -> Journal:
        """A new journal in place of an older one; items after `number` will be kept in it.

        Raises: OSError when there is no room, or the file system is none for it; what `wrap` raises, which encrypts the journal's key.
        """
        if not writes_in_place(folder):
            raise OSError(ENOTSUP, "this file system may need room to write over what is there")
        path, draft = folder / FILE, folder / DRAFT
        key = random_bytes(KEY_BYTES)
        wrapped = wrap(key)
        draft.unlink(missing_ok=True)
        with ExitStack() as undo:
            undo.callback(draft.unlink, missing_ok=True)
            handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            undo.callback(os.close, handle)
            os.pwrite(handle, _MAGIC + _WRAPPED.pack(len(wrapped)) + wrapped, 0)
            for start in (START_BYTES, START_BYTES + SEGMENT_BYTES):  # room that is there later is taken now
                if os.pwrite(handle, bytes(SEGMENT_BYTES), start) != SEGMENT_BYTES:
                    raise OSError(ENOSPC, os.strerror(ENOSPC))
            os.fsync(handle)
            draft.replace(path)
            sync_folder(folder)
            undo.pop_all()
        return cls(handle, folder, key, number)

    @property
    def lacking(self) -> int:
        """How many items the store does not have yet."""
        return self._number - self._passed

    def keep(self, items: bytes, count: int) -> int | None:
        """Make items durable as one frame; gives the number of the first, or None where there is no room."""
        size = _HEAD.size + len(items) + _TAG_BYTES
        segment = self._with_room(size)
        if segment is None:
            return None
        first = self._number + 1
        head = _HEAD.pack(size - _HEAD.size, count, first)
        frame = head + self._seal(_nonce(first), items, head)
        start = segment.start + segment.at
        self._memory[start : start + size] = frame
        segment.at += size
        segment.used = max(segment.used, segment.at)
        self._number = segment.last = first + count - 1
        return first

    def passed(self, number: int) -> None:
        """The store has every item up to this one."""
        self._passed = max(self._passed, number)
        if self._to_wipe:
            if self._writing in self._to_wipe:
                self._leave()
            self._to_wipe = [segment for segment in self._to_wipe if not self._is_wiped(segment)]

    def wipe(self) -> None:
        """Overwrite all that the store has; where a segment still holds what it lacks, as soon as that has changed."""
        self._leave()
        self._to_wipe = [segment for segment in (self._writing, self._resting) if not self._is_wiped(segment)]

    def _leave(self) -> None:
        """Write elsewhere from now on, so that what the store lacks keeps nothing else from being overwritten."""
        if self._writing.last > self._passed >= self._resting.last:
            self._turn()

    def _is_wiped(self, segment: _Segment) -> bool:
        if segment.last > self._passed:
            return False
        self._memory[segment.start : segment.start + segment.used] = bytes(segment.used)
        segment.at = segment.used = 0
        return True

    def close(self) -> None:
        """Close the file, which goes when the store has everything."""
        self._memory.close()
        os.close(self._handle)
        if not self.lacking:
            forget(self._folder)

    def _with_room(self, size: int) -> _Segment | None:
        segment = self._writing
        if segment.last <= self._passed:  # nothing in it is needed: stay on the same few pages
            segment.at = 0
        if segment.at + size <= SEGMENT_BYTES:
            return segment
        if size > SEGMENT_BYTES or self._resting.last > self._passed:
            return None
        return self._turn()

    def _turn(self) -> _Segment:
        self._writing, self._resting = self._resting, self._writing
        self._writing.at = 0
        return self._writing


def writes_in_place(folder: Path) -> bool:
    """Whether what is written over what is there needs no new room: where it does, a full disk ends who writes to mapped memory."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in MOUNTS.read_text("utf-8", "replace").splitlines():
        fields = line.split()
        if fields[2] == number:
            return fields[fields.index("-") + 1] in IN_PLACE
    return False


def kept(folder: Path, unwrap: Callable[[bytes], bytes], after: int) -> list[Frame]:
    """The frames that hold items after a number, in order, without those that a power cut or damage to the file made unreadable.

    Raises: HomeUnavailable when the file is no journal, or that of another record, or when its key cannot be asked for now.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HomeUnavailable(f"{path} cannot be read: {error.strerror}.") from error
    start = len(_MAGIC) + _WRAPPED.size
    if not content.startswith(_MAGIC) or len(content) < START_BYTES:
        raise HomeUnavailable(f"{path} is damaged: {_ADVICE}")
    (size,) = _WRAPPED.unpack_from(content, len(_MAGIC))
    try:
        open_frame = AESGCM(unwrap(content[start : start + size])).decrypt
    except WrappedElsewhere as error:
        raise HomeUnavailable(
            f"{path} belongs to another record or another key: restore those, or {_ADVICE}"
        ) from error
    except RecordUnavailable as error:
        raise not_asked(error) from error
    found: dict[int, tuple[int, bytes]] = {}
    for segment in (START_BYTES, START_BYTES + SEGMENT_BYTES):
        for first, count, items in _frames(content[segment : segment + SEGMENT_BYTES], open_frame):
            found[first] = (count, items)
    return _joined(found, after)


def forget(folder: Path) -> None:
    """Remove a journal whose items the store has, and one that was never finished; where that fails the items are known to be there."""
    for name in (FILE, DRAFT):
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)


def _joined(found: dict[int, tuple[int, bytes]], after: int) -> list[Frame]:
    frames: list[Frame] = []
    for first in sorted(found):
        count, items = found[first]
        if first + count - 1 > after:
            frames.append((first, items))
    return frames


def _frames(segment: bytes, open_frame: Callable[[bytes, bytes, bytes], bytes]) -> Iterator[tuple[int, int, bytes]]:
    """All that one segment holds, but for what is damaged or was never finished; what an earlier round left there, the store has.

    Cost: one look at every byte where no frame is, and an attempt to open what looks like one: a byte in 2^38 of what is encrypted.
    """
    end, at = len(segment.rstrip(b"\0")) + _HEAD.size, 0
    while found := _LIKE_A_HEAD.search(segment, at, end):
        at = found.start()
        sealed_at = at + _HEAD.size
        size, count, first = _HEAD.unpack_from(segment, at)
        try:
            items = open_frame(_nonce(first), segment[sealed_at : sealed_at + size], segment[at:sealed_at])
        except (InvalidTag, ValueError):
            at += 1
            continue
        yield first, count, items
        at = sealed_at + size


def _nonce(first: int) -> bytes:
    """Each number is used once with a journal's key."""
    return first.to_bytes(8, "little") + _PAD
