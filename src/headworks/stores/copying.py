"""A copy of a SQLite file as it stands at one moment, beside a service that goes on writing it."""

import os
from contextlib import closing
from pathlib import Path

import apsw

from headworks.errors import HomeUnavailable
from headworks.stores.sqlite import connect_to_read


def copy_database(source: Path, target: Path) -> int:
    """Copy the file, 0600 and synced; gives its size in bytes.

    Raises: HomeUnavailable when the source is none, or the target cannot be written.
    Cost: one read of the file; writers go on, and their WAL grows meanwhile.
    """
    with closing(connect_to_read(source)) as reading:
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            _copy(reading, target)
        except (apsw.Error, OSError) as error:
            raise HomeUnavailable(f"{source} cannot be copied to {target}: {error}.") from error
    return target.stat().st_size


def _copy(reading: apsw.Connection, target: Path) -> None:
    with closing(apsw.Connection(str(target))) as writing, writing.backup("main", reading, "main") as copying:
        while not copying.done:
            copying.step(-1)
