"""The key-encryption key: what wraps every other key. A local file by default; a cloud's service fits the same port."""

import base64
import os
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headworks.errors import HomeUnavailable, RecordUnavailable
from headworks.units import random_bytes

KEY_BYTES = 32
NONCE_BYTES = 12
_MAGIC = b"headworks-kek-1 "


class Kms(Protocol):
    """Wraps and unwraps keys. `context` is bound to the result: unwrapping under another context fails."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """The key, encrypted.

        Raises: RecordUnavailable when the service cannot answer.
        """

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key again.

        Raises: RecordUnavailable when the service cannot answer or the key was wrapped elsewhere.
        """

    def health(self) -> None:
        """Nothing, when a wrap would work now.

        Raises: RecordUnavailable.
        """


class KeyFile:
    """Implements Kms with a key in a file that only its owner may read."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def __repr__(self) -> str:
        """Name the type only; the key shows nowhere."""
        return "KeyFile(...)"

    @classmethod
    def open(cls, path: Path, *, may_create: bool) -> "KeyFile":
        """The key in the file; a missing file is created where nothing is wrapped yet.

        Raises: HomeUnavailable when the file is missing, readable by others or no key file.
        """
        try:
            if may_create and not path.exists():
                _create(path)
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            text = f"Key file {path} is missing: restore it; without it no recorded content can be read."
            raise HomeUnavailable(text) from None
        except OSError as error:
            raise HomeUnavailable(f"Key file {path} cannot be opened: {error.strerror}.") from error
        with os.fdopen(handle, "rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            return cls(_parse(path, file.read(256)))

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """See Kms."""
        nonce = random_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """See Kms."""
        try:
            return self._aead.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise RecordUnavailable(reason="a key was wrapped by another key file, or was altered") from error

    def health(self) -> None:
        """See Kms; a key in memory always answers."""


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(_MAGIC + base64.b64encode(random_bytes(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_uid not in {os.geteuid(), 0}:
        raise HomeUnavailable(f"Key file {path} must be a regular file of its own user.")
    if status.st_mode & 0o077:
        raise HomeUnavailable(f"Key file {path} can be read by others: run chmod 600 {path}.")


def _parse(path: Path, text: bytes) -> bytes:
    try:
        key = base64.b64decode(text.strip().removeprefix(_MAGIC), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(_MAGIC) or len(key) != KEY_BYTES:
        raise HomeUnavailable(f"{path} is not a key file.")
    return key
