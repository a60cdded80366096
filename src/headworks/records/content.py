"""Content too large for a row: one encrypted file each, durable before the row that names its digest.

A file is born in `content/incoming` and moves to `content/<xx>` once its row is committed; a file to be removed moves back
first. So after a crash only `incoming` needs looking at, and whether the row is there decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from headworks.durable import sync_folder
from headworks.stores.sqlite import Durable


class ContentFiles:
    """The content files of a home, named by the SHA-256 of what is in them."""

    def __init__(self, home: Path, durable: Durable) -> None:
        self._folder = home / "content"
        self._incoming = self._folder / "incoming"
        self._is_synced = durable == "power"
        self._born: list[tuple[int, Path, Path, int]] = []
        self._dying: list[tuple[Path, Path]] = []

    def write(self, seq: int, digest: bytes, sealed: bytes) -> None:
        """Store a new file; it stays only when `settle` follows.

        Raises: OSError.
        """
        path = self._passing(seq, digest)
        try:
            self._put(path, sealed)
        except FileNotFoundError:
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._put(path, sealed)
        self._born.append((seq, path, self._place(digest), len(sealed)))

    @property
    def born_bytes(self) -> int:
        """How much was written since the last `settle` or `undo`."""
        return sum(size_bytes for _, _, _, size_bytes in self._born) if self._born else 0

    def undo_of(self, seq: int) -> None:
        """Delete the new files of one number: its entry cannot be recorded."""
        for _, path, _, _ in filter(lambda born: born[0] == seq, self._born):
            path.unlink(missing_ok=True)
        self._born = [born for born in self._born if born[0] != seq]

    def sync(self) -> None:
        """Make the new names durable where power cuts count."""
        if self._born and self._is_synced:
            sync_folder(self._incoming)

    def remove(self, seq: int, digest: bytes) -> int:
        """Set a file aside; `settle` deletes it. Gives its size, 0 when it is gone already."""
        place, path = self._place(digest), self._passing(seq, digest)
        try:
            size_bytes = place.stat().st_size
            self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.rename(path)
        except FileNotFoundError:
            if not path.exists():  # nor did it find room on the way to its place
                return 0
            size_bytes = path.stat().st_size
        self._dying.append((path, place))
        return size_bytes

    def settle(self) -> None:
        """The rows are committed: give new files their place, delete those set aside.

        What the disk does not allow now is done at the next start; until then a file is found where it is.
        """
        if not self._born and not self._dying:
            return
        for _, path, place, _ in self._born:
            with suppress(OSError):
                _move(path, place)
        for path, _ in self._dying:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        self._born.clear()
        self._dying.clear()

    def undo(self) -> None:
        """The rows were not committed: the other way round."""
        for _, path, _, _ in self._born:
            path.unlink(missing_ok=True)
        self._born.clear()
        for path, place in self._dying:
            _move(path, place)
        self._dying.clear()

    def recover(self, digests_of: Callable[[int], tuple[bytes | None, ...]]) -> None:
        """Decide what a crash left in passing: it stays when its row is there."""
        if not self._incoming.is_dir():
            return
        for path in self._incoming.iterdir():
            seq, _, name = path.name.partition("-")
            if seq.isdecimal() and name in {digest.hex() for digest in digests_of(int(seq)) if digest}:
                with suppress(OSError):  # it is found here, too
                    _move(path, self._place(bytes.fromhex(name)))
            else:
                path.unlink(missing_ok=True)

    def read(self, seq: int, digest: bytes) -> bytes | None:
        """A file's bytes, wherever it is on its way; None when it is nowhere."""
        for path in (self._place(digest), self._passing(seq, digest), self._place(digest)):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                continue
        return None

    def _put(self, path: Path, sealed: bytes) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                left = memoryview(sealed)
                while left:
                    left = left[file.write(left) :]
                if self._is_synced:
                    os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def _place(self, digest: bytes) -> Path:
        name = digest.hex()
        return self._folder / name[:2] / name

    def _passing(self, seq: int, digest: bytes) -> Path:
        return self._incoming / f"{seq}-{digest.hex()}"


def _move(path: Path, place: Path) -> None:
    try:
        path.rename(place)
    except FileNotFoundError:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.rename(place)
