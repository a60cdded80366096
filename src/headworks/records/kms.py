"""The key-encryption key: what wraps every other key. A local file by default; a cloud's service fits the same port."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headworks.durable import sync_folder
from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.records.settings import HOME_KEY, RecordSettings
from headworks.units import random_bytes

KEY_BYTES = 32
NONCE_BYTES = 12
MOST_KEYS = 2
_MAGIC = b"headworks-kek-1 "
_MOST_BYTES = 256


class WrappedElsewhere(RecordUnavailable):
    """The service answered: this key was wrapped by another key than its own, or was altered. Asking again gives nothing else."""


class Kms(Protocol):
    """Wraps and unwraps keys. `context` is bound to the result: unwrapping under another context fails."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """The key, encrypted.

        Raises: RecordUnavailable when the service cannot answer.
        """

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key again.

        Raises: RecordUnavailable when the service cannot answer, WrappedElsewhere when it does not open the key.
        """

    def health(self) -> None:
        """Nothing, when a wrap would work now.

        Raises: RecordUnavailable.
        """


class KeyFile:
    """Implements Kms with keys in a file that only its owner may read, one a line: the last wraps, each one unwraps.

    Two lines stand there only while the second takes the place of the first (rekey.py).
    """

    def __init__(self, *keys: bytes, path: Path | None = None) -> None:
        self._keys = keys
        self._aeads = [AESGCM(key) for key in keys]
        self._path = path

    def __repr__(self) -> str:
        """Name the type only; the keys show nowhere."""
        return "KeyFile(...)"

    @classmethod
    def open(cls, path: Path, *, may_create: bool) -> KeyFile:
        """The keys in the file; a missing file is created where nothing is wrapped yet.

        Raises: HomeUnavailable when the file is missing, readable by others or no key file.
        """
        try:
            if may_create and not path.exists():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                _write(path, _line(random_bytes(KEY_BYTES)))
                sync_folder(path.parent)
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            text = f"Key file {path} is missing: restore it; without it no recorded content can be read."
            raise HomeUnavailable(text) from None
        except OSError as error:
            raise HomeUnavailable(f"Key file {path} cannot be opened: {error.strerror}.") from error
        with os.fdopen(handle, "rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            return cls(*_parse(path, file.read(_MOST_BYTES)), path=path)

    @property
    def is_changing(self) -> bool:
        """Whether an older key stands beside the one that wraps."""
        return len(self._keys) > 1

    def with_new_key(self) -> KeyFile:
        """The same with a new key, which wraps from now on."""
        return KeyFile(*self._keys, random_bytes(KEY_BYTES))

    def with_newest_key(self) -> KeyFile:
        """The key that wraps, alone."""
        return KeyFile(self._keys[-1])

    def replace(self, path: Path, passed: Callable[[str], None]) -> None:
        """Put these keys in the file's place, at once and durably; `passed` hears each step.

        Raises: HomeUnavailable; the file then holds either its former keys or these.
        """
        draft = path.with_name(f"{path.name}.new")
        try:
            draft.unlink(missing_ok=True)
            _write(draft, b"".join(map(_line, self._keys)))
            passed("drafted")
            draft.replace(path)
            passed("replaced")
            sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise HomeUnavailable(f"Key file {path} cannot be replaced: {error.strerror}.") from error
        passed("saved")

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """See Kms."""
        nonce = random_bytes(NONCE_BYTES)
        return nonce + self._aeads[-1].encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See Kms; a key that was put into the file since it was opened is found there."""
        opened = self._open(wrapped, context)
        if opened is None and self._path is not None:
            with suppress(HomeUnavailable):
                opened = KeyFile.open(self._path, may_create=False)._open(wrapped, context)
        if opened is None:
            raise WrappedElsewhere(reason="a key was wrapped by another key file, or was altered")
        return opened[0]

    def rewrapped(self, wrapped: bytes, context: bytes) -> bytes | None:
        """The key wrapped by the newest of these keys; None when it is already.

        Raises: WrappedElsewhere when none of them wrapped it.
        """
        opened = self._open(wrapped, context)
        if opened is None:
            raise WrappedElsewhere(reason="a key was wrapped by another key file, or was altered")
        key, is_newest = opened
        return None if is_newest else self.wrap(key, context)

    def health(self) -> None:
        """See Kms; a key in memory always answers."""

    def _open(self, wrapped: bytes, context: bytes) -> tuple[bytes, bool] | None:
        """What was wrapped, and whether by the newest key; the tag says which key it was."""
        for aead in reversed(self._aeads):
            with suppress(InvalidTag, ValueError):
                return aead.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context), aead is self._aeads[-1]
        return None


def home_key(settings: RecordSettings, *, may_create: bool = False) -> KeyFile:
    """The keys of a home, where its settings say; see KeyFile.open.

    Raises: HomeUnavailable; where the home began with a key of its own, naming that too.
    """
    path, own = settings.kek_path, settings.home / HOME_KEY
    try:
        return KeyFile.open(path, may_create=may_create)
    except HomeUnavailable as error:
        if path.exists() or not own.exists():
            raise
        text = (
            f"{error.detail} {own} is there: where a command began this home that was not told of {path} (by --config), "
            "that is the key it made: move it there, or leave `records.key_file` out of the configuration."
        )
        raise HomeUnavailable(text) from error


def not_asked(error: RecordUnavailable) -> HomeUnavailable:
    """The refusal while the key-encryption key's service cannot answer; nothing is wrong with the home."""
    reason = error.reason or error.detail
    return HomeUnavailable(f"The key-encryption key cannot be asked now, and nothing is changed: {reason}. Try again.")


def _line(key: bytes) -> bytes:
    return _MAGIC + base64.b64encode(key) + b"\n"


def _write(path: Path, text: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_uid not in {os.geteuid(), 0}:
        raise HomeUnavailable(f"Key file {path} must be a regular file of its own user.")
    if status.st_mode & 0o077:
        raise HomeUnavailable(f"Key file {path} can be read by others: run chmod 600 {path}.")


def _parse(path: Path, text: bytes) -> list[bytes]:
    keys = [_key_of(line) for line in text.rstrip().split(b"\n")]
    if len(keys) > MOST_KEYS or not all(keys):
        raise HomeUnavailable(f"{path} is not a key file.")
    return keys


def _key_of(line: bytes) -> bytes:
    """The key of a line; nothing when it is none."""
    try:
        key = base64.b64decode(line.strip().removeprefix(_MAGIC), validate=True)
    except ValueError:
        return b""
    return key if line.startswith(_MAGIC) and len(key) == KEY_BYTES else b""
