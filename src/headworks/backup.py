"""A copy of a home, made while its service goes on: whole by the order in which its parts are copied."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from headworks.durable import sync_folder
from headworks.errors import ConfigurationRefused, HomeUnavailable
from headworks.records.journal import FILE as JOURNAL
from headworks.stores.copying import copy_database

RECORDS, KEYS, CONTENT, INCOMING, LOCK = "records.db", "keys.db", "content", "incoming", "headworks.lock"
NOT_COPIED = ("kek", "keys.pepper")
"""What opens the copy. It stays behind, to be kept apart."""


class BackedUp(Struct, frozen=True):
    """A finished copy: where it is, its size, its content files, and the secrets that were left out of it."""

    folder: str
    size_bytes: int
    content_files: int
    not_copied: tuple[str, ...] = NOT_COPIED


def back_up(home: Path, folder: Path) -> BackedUp:
    """Copy a home's record, keys and content to a new folder, which appears under its name when it is whole.

    The record is copied before what it refers to: content and data keys are durable before the rows that need them. What the
    journal promises goes first: whatever is missing there is in the record.

    Raises: ConfigurationRefused when the folder is there already; HomeUnavailable when the copy fails.
    """
    if folder.exists():
        raise ConfigurationRefused(f"{folder} is there already; name a new folder for each backup.")
    draft = folder.with_name(f".{folder.name}.unfinished")
    try:
        draft.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise ConfigurationRefused(f"{draft} is left of a backup that did not finish: remove it.") from error
    except OSError as error:
        raise HomeUnavailable(f"{draft} cannot be made: {error.strerror}.") from error
    try:
        return _copied(home, draft, folder)
    except OSError as error:
        raise HomeUnavailable(f"{home} cannot be copied to {folder}: {error.strerror}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _copied(home: Path, draft: Path, folder: Path) -> BackedUp:
    _copy_file(home / JOURNAL, draft / JOURNAL)
    size_bytes = copy_database(home / RECORDS, draft / RECORDS)
    sizes = [_copy_file(path, draft / path.relative_to(home)) for path in _content_of(home)]
    size_bytes += copy_database(home / KEYS, draft / KEYS) + sum(sizes)
    _copy_file(home / LOCK, draft / LOCK)
    sync_folder(draft)
    draft.rename(folder)
    sync_folder(folder.parent)
    return BackedUp(str(folder), size_bytes, sum(size > 0 for size in sizes))


def _content_of(home: Path) -> Iterator[Path]:
    """Every content file, those on their way to their place first: so that none is missed that arrives meanwhile."""
    for place in (home / CONTENT / INCOMING, home / CONTENT):
        yield from (path for path in place.rglob("*") if path.is_file())


def _copy_file(source: Path, target: Path) -> int:
    """Copy one file, 0600 and synced; gives its size, 0 where it is gone or was copied before."""
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        return 0
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return 0
    with os.fdopen(handle, "wb", buffering=0) as file:
        file.write(content)
        os.fsync(handle)
    return len(content)
