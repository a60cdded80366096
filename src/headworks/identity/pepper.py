"""The pepper: what turns a key's secret into what is stored of it; a copy of the store alone can check no key."""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from headworks.durable import sync_folder
from headworks.errors import HomeUnavailable

FILE_NAME = "keys.pepper"
_LINE = re.compile(r"([0-9a-f]{8}):([0-9a-f]{64})")


class Peppers(Struct, frozen=True):
    """Every pepper by its id, and the one that new keys use; prints as dots."""

    current: str
    by_id: Mapping[str, bytes]

    def digest(self, pepper_id: str, key: bytes) -> bytes:
        """HMAC-SHA-256 of a whole key, which binds its id and prefix to its secret."""
        return hmac.digest(self.by_id[pepper_id], key, hashlib.sha256)

    def __repr__(self) -> str:
        return f"Peppers({self.current}, …)"

    __str__ = __repr__


def open_peppers(folder: Path, random: Callable[[int], bytes], *, may_create: bool = True) -> Peppers:
    """The peppers in `folder`/keys.pepper; the file is made, 0600, with one pepper when there is none and `may_create`.

    Without this file no stored key can be checked: back it up with the key-encryption key, apart from the home. A
    further line makes a new pepper current; a line may go when no key uses it any more.

    Raises: HomeUnavailable when the file is missing, unreadable, damaged or open to others.
    """
    path = folder / FILE_NAME
    try:
        if not path.exists():
            if not may_create:
                raise HomeUnavailable(
                    f"The pepper file {path} is missing: restore it; no key that was made opens anything without."
                )
            _create(path, random)
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(handle, encoding="ascii") as file:
            mode = stat.S_IMODE(os.fstat(handle).st_mode)
            lines = file.read(65_536).split()
    except (OSError, UnicodeDecodeError) as error:
        raise HomeUnavailable(f"The pepper file {path} cannot be read: {error}.") from error
    if mode & 0o077:
        raise HomeUnavailable(f"The pepper file {path} is open to others; run: chmod 600 {path}")
    matches = [_LINE.fullmatch(line) for line in lines]
    by_id = {match[1]: bytes.fromhex(match[2]) for match in matches if match}
    if not by_id or len(by_id) != len(lines):
        raise HomeUnavailable(f"The pepper file {path} is damaged; restore it from its copy.")
    return Peppers(list(by_id)[-1], by_id)


def _create(path: Path, random: Callable[[int], bytes]) -> None:
    """Write the whole file, then give it its name, so that a crash leaves no half of it."""
    draft = path.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{random(4).hex()}:{random(32).hex()}\n")
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    sync_folder(path.parent)
