"""What the writer is given to do: items in batches, small jobs, and the desk that knows what items mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

import apsw

from headworks.errors import HeadworksError
from headworks.pending import Pending

T = TypeVar("T")
Post = Callable[[Callable[[], None]], object]
File = Literal["records", "keys"]
Result = tuple[Pending[Any], Any, BaseException | None]

STORE_ERRORS = (apsw.Error, OSError)
JOBS_OWN_ERRORS = (
    HeadworksError,
    ValueError,
    LookupError,
    TypeError,
    apsw.ConstraintError,
    apsw.SQLError,
    apsw.BindingsError,
)


class Item:
    """One thing of a batch: who waits for it and how much memory it holds."""

    __slots__ = ("pending", "size_bytes")

    def __init__(self, pending: Pending[Any], size_bytes: int = 0) -> None:
        self.pending = pending
        self.size_bytes = size_bytes


class Job(Item, Generic[T]):
    """A small write to one of the files; its own failure undoes only itself."""

    __slots__ = ("_run", "file")

    def __init__(self, pending: Pending[T], run: Callable[[apsw.Connection], T], file: File) -> None:
        super().__init__(pending)
        self._run = run
        self.file = file

    def attempt(self, connection: apsw.Connection) -> Result:
        """The job's result or error; inside a transaction it is a savepoint, else a transaction of its own.

        Raises: apsw.Error when the store itself fails.
        """
        value: T | None = None
        try:
            with connection:
                value = self._run(connection)
        except JOBS_OWN_ERRORS as error:
            return self.pending, None, error
        return self.pending, value, None


class Desk(Protocol):
    """What one part does with its own kinds of items; every method runs on the writer's thread."""

    def load(self, files: Mapping[File, apsw.Connection]) -> None:
        """Take the (new) connections and read from them what is kept in memory."""

    def prepare(self, items: list[Item]) -> None:
        """Do all that can be done outside the transaction."""

    def write(self, connection: apsw.Connection) -> None:
        """Write what was prepared, inside the transaction."""

    def committed(self) -> list[Result]:
        """What is known now that the transaction is durable."""

    def forget(self) -> None:
        """The transaction was undone: undo it in memory, too."""

    def rest(self, connection: apsw.Connection) -> bool:
        """Chores between batches, bounded; True when more wait."""

    def leave(self, connection: apsw.Connection) -> None:
        """The last chores before the files close."""
