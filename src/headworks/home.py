"""The home directory: where a service keeps what must survive it, and the lock that names its one owner."""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from headworks.errors import HomeUnavailable

LONGEST_SOCKET_PATH = 100
HOME_NAME = ".headworks"
HOME_VARIABLE = "HEADWORKS_HOME"


def home_folder(named: Path | None, environment: Mapping[str, str]) -> Path:
    """The home that was named, else $HEADWORKS_HOME, else `.headworks` in the current directory."""
    return (named or Path(environment.get(HOME_VARIABLE, HOME_NAME))).absolute()


class Home:
    """A home directory and, once `lock` was called, its ownership.

    Safe under: one process owns a home; every other one reads it, or asks the owner through `control`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None
        self._folder_fd: int | None = None

    def create(self) -> None:
        """Make the directory, readable by its owner only, when it does not exist.

        Raises: HomeUnavailable.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnavailable(f"Home {self.folder} cannot be created: {error.strerror}.") from error

    def lock(self) -> None:
        """Become the owner; the lock ends with this process, however it ends.

        Raises: HomeUnavailable, naming the owner's process id.
        """
        self.create()
        try:
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeUnavailable(f"Home {self.folder} cannot be locked: {error.strerror}.") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            text = f"Home {self.folder} is in use by process {owner}. Stop it, or start with another --home."
            raise HomeUnavailable(text) from None
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(handle)
            raise HomeUnavailable(f"Home {self.folder} cannot be written to: {error.strerror}.") from error
        self._lock = handle

    def is_owned_elsewhere(self) -> bool:
        """Whether another process holds the lock now.

        Raises: HomeUnavailable.
        """
        if self._lock is not None:
            return False
        try:
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise HomeUnavailable(f"Home {self.folder} cannot be used: {error.strerror}.") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def unlock(self) -> None:
        """Give up ownership."""
        for handle in (self._lock, self._folder_fd):
            if handle is not None:
                os.close(handle)
        self._lock = self._folder_fd = None

    def control_path(self) -> str:
        """The path of the control socket, short enough for a socket address even in a deep directory."""
        path = str(self.folder / "control.sock")
        if len(path.encode()) <= LONGEST_SOCKET_PATH:
            return path
        if self._folder_fd is None:
            self._folder_fd = os.open(self.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder_fd}/control.sock"
