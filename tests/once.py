"""What is fetched or made once for every test process is made by one of them, while the others wait."""

import fcntl
from contextlib import contextmanager


@contextmanager
def alone(folder):
    """Nobody else is inside such a block of the same folder, in this process or another."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
