"""What the writer is given to do: items in batches, small jobs, and the desk that knows what items mean."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

import apsw
from msgspec import Struct

from headworks.errors import HeadworksError
from headworks.pending import Pending

T = TypeVar("T")
Post = Callable[[Callable[[], None]], object]
Later = Callable[[float, Callable[[], None]], object]
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


class Scheduling(Struct, frozen=True):
    """When a loop runs what it is given: `soon` in its next round, `later` after some seconds (`call_soon`, `call_later`)."""

    soon: Post
    later: Later


class Item:
    """One thing of a batch: who waits for it and how much memory it holds.

    Shapes: `promise` is its number in the journal (records/promises.py); 0 for what is not in it.
    """

    __slots__ = ("pending", "promise", "size_bytes")

    def __init__(self, pending: Pending[Any], size_bytes: int = 0) -> None:
        self.pending = pending
        self.size_bytes = size_bytes
        self.promise = 0

    @property
    def is_promised(self) -> bool:
        """Whether it is durable already and nobody waits for it."""
        return self.promise > 0 and type(self.pending) is not Waiter


class Waiter(Pending[T]):
    """A result that another thread waits for."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        super().__init__()
        self._event = threading.Event()
        self.when_done(self._event.set)

    def wait(self) -> T:
        """Block until the result is there."""
        self._event.wait()
        return self.result()


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


def size_of(items: list[Item]) -> int:
    """How much memory items hold, in bytes."""
    return sum([item.size_bytes for item in items])


def settle(pending: Pending[Any], value: Any, error: BaseException | None) -> None:
    """Give a result or an error."""
    if error is None:
        pending.resolve(value)
    else:
        pending.fail(error)
