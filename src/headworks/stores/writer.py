"""The one thread that writes: it takes what is queued, commits it as one transaction and hands the results back at once.

No timer: alone, an item is committed at once; under load, batches form by themselves (see gathering.py).
Between batches, after the results went out, it lets the desk do its chores and has the WAL folded into the file.
While the store fails everything is refused at once, and a probe, backing off, finds out when it works again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import apsw
from msgspec import Struct

from headworks.errors import HeadworksError, Internal, Overloaded, RecordUnavailable
from headworks.pending import Pending
from headworks.stores.folding import Folder
from headworks.stores.gathering import Gathering
from headworks.stores.work import STORE_ERRORS, Desk, File, Item, Job, Post, Result, Scheduling, Waiter, settle, size_of
from headworks.units import MILLISECOND_NS, SECOND_NS, Clock

T = TypeVar("T")

FOLD_PAGES = 256
"""How much is written between folds."""
CATCH_UP_PAGES = 8192
"""Under steady load a fold is never quite done when the next commit comes, and the WAL grows; at 32 MiB the writer itself
folds the little that is missing, so that it starts anew."""
TICK_S = 1.0
FIRST_PROBE_NS = 50 * MILLISECOND_NS
SLOWEST_PROBE_NS = 2 * SECOND_NS


class Bounds(Struct, frozen=True):
    """How much one transaction takes, and how much may be under way, waiting or written."""

    batch_items: int = 256
    batch_bytes: int = 8 * 2**20
    queued_items: int = 8192
    queued_bytes: int = 128 * 2**20


_STOP = Item(Pending())


class Writer:
    """Owns the writing connections and their thread.

    `post` runs a callable on the thread of the event loop. With `scheduling` what is submitted in rounds that follow each other
    is handed to the thread together, which wakes it once.

    Safe under: `submit` from the thread of the event loop; `submit_and_wait` from any other or at start-up.
    """

    def __init__(
        self,
        connect: Callable[[File], apsw.Connection],
        post: Post,
        clock: Clock,
        bounds: Bounds | None = None,
        scheduling: Scheduling | None = None,
    ) -> None:
        self._connect = connect
        self._post = post
        self._clock = clock
        self._bounds = bounds = bounds or Bounds()
        self._most_items, self._most_bytes = bounds.queued_items, bounds.queued_bytes
        self._queue: SimpleQueue[list[Item]] = SimpleQueue()
        self._gathering = Gathering(self._queue.put, scheduling, clock)
        self._gather = self._gathering.add
        self._taken: list[Item] = []
        self._kept: list[Item] = []
        self._queued_items = self._queued_bytes = 0
        self._files: dict[File, apsw.Connection] = {}
        self._wal_pages: dict[File, int] = {"records": 0, "keys": 0}
        self._fold_at: dict[File, int] = {"records": FOLD_PAGES, "keys": FOLD_PAGES}
        self._catch_up_at = CATCH_UP_PAGES
        self._folder: Folder | None = None
        self._desk: Desk | None = None
        self._has_chores = False
        self._failure = ""
        self._has_recovered = True
        self._probe_at_ns = 0
        self._probe_after_ns = FIRST_PROBE_NS
        self._thread: threading.Thread | None = None
        self._is_stopped = True

    def start(self, desk: Desk | None = None) -> None:
        """Open the files, let the desk load, start the thread.

        Raises: HomeUnavailable, and what the desk raises; nothing stays open then.
        """
        with contextlib.ExitStack() as undo:
            undo.callback(self._close_files)
            self._open_files()
            self._desk = desk
            if desk is not None:
                desk.load(self._files)
            undo.pop_all()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def is_available(self) -> bool:
        """Whether the last thing tried could be written."""
        return not self._failure and not self._is_stopped

    @property
    def has_recovered(self) -> bool:
        """Whether something was written since the store last failed; a probe may get through where rows do not."""
        return self._has_recovered and self.is_available

    @property
    def failure(self) -> str:
        """Why nothing can be written; for the log."""
        return self._failure

    def submit(self, item: Item) -> None:
        """Queue an item; its pending result tells the rest, also when it is refused here."""
        if self._failure or self._is_stopped:
            item.pending.fail(self._unavailable())
        elif self._queued_items >= self._most_items or self._queued_bytes > self._most_bytes:
            item.pending.fail(Overloaded("Too many records wait to be written.", retry_after_s=1.0))
        else:
            self._queued_items += 1
            self._queued_bytes += item.size_bytes
            self._gather(item)

    def submit_promised(self, items: list[Item]) -> None:
        """Queue what is durable already: it goes with what comes next, or soon; while the store fails it stays here."""
        self._queued_items += len(items)
        self._queued_bytes += size_of(items)
        self._gathering.add_idle(items)

    def submit_and_wait(self, *items: Item) -> Any:
        """Queue items and block until they are durable; gives the last one's result, or raises the error of one."""
        return [waiter.wait() for waiter in self._ended(items)][-1]

    def errors_of(self, items: Sequence[Item]) -> list[BaseException]:
        """The same; gives the errors of those that failed."""
        return [waiter.error for waiter in self._ended(items) if waiter.error is not None]

    def _ended(self, items: Sequence[Item]) -> list[Waiter[Any]]:
        if self._failure or self._is_stopped:
            raise self._unavailable()
        waiters: list[Waiter[Any]] = [Waiter() for _ in items]
        for item, waiter in zip(items, waiters, strict=True):
            item.pending = waiter
            item.size_bytes = 0
        self._queue.put(list(items))
        for waiter in waiters:
            with contextlib.suppress(HeadworksError):
                waiter.wait()
        return waiters

    def stop(self) -> None:
        """Write what is queued, fold the WAL away, close the files; later items are refused."""
        if self._thread is None:
            self._close_files()
            return
        self._is_stopped = True
        self._gathering.give_on()
        self._queue.put([_STOP])
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        is_stopping = False
        while not is_stopping:
            batch = self._take()
            if _STOP in batch:
                is_stopping = True
                batch.remove(_STOP)
            if batch:
                self._serve(batch)
            if not self._failure:
                self._rest(is_idle=not batch)
            elif self._clock.monotonic_ns() >= self._probe_at_ns:
                self._probe()
        self._leave()
        self._refuse(self._drain())
        self._close_files()

    def _take(self) -> list[Item]:
        wait_s = 0.0 if self._has_chores else TICK_S
        if self._failure:
            wait_s = max(0.0, min(TICK_S, (self._probe_at_ns - self._clock.monotonic_ns()) / SECOND_NS))
        taken, queue = self._taken, self._queue
        try:
            if not taken:
                taken += queue.get(timeout=wait_s)
        except Empty:
            return []
        most_items, most_bytes = self._bounds.batch_items, self._bounds.batch_bytes
        while len(taken) < most_items and queue.qsize():
            taken += queue.get()
        if len(taken) <= most_items and size_of(taken) <= most_bytes:
            self._taken = []
            return taken
        return self._part(taken, most_items, most_bytes)

    def _part(self, taken: list[Item], most_items: int, most_bytes: int) -> list[Item]:
        """As many of the first as one transaction may hold; the others wait for the next."""
        count = size_bytes = 0
        while count < len(taken) and count < most_items and size_bytes <= most_bytes:
            size_bytes += taken[count].size_bytes
            count += 1
        self._taken = taken[count:]
        return taken[:count]

    def _drain(self) -> list[Item]:
        items, self._taken = self._taken, []
        for _ in range(self._queue.qsize()):
            items += self._queue.get()
        return items

    def _serve(self, batch: list[Item]) -> None:
        if self._failure:
            self._refuse(batch)
            return
        try:
            results = self._transact(batch)
        except Exception as error:  # a defect in one batch must not end the thread that every record needs
            self._undo()
            self._fail(batch, error)
        else:
            self._has_recovered = True
            self._hand_over(results, batch)

    def _fail(self, batch: list[Item], error: Exception) -> None:
        """What was promised must not go with what failed beside it; alone in a batch it goes, and is told of."""
        promised = [item for item in batch if item.is_promised]
        if isinstance(error, STORE_ERRORS) or (promised and isinstance(error, RecordUnavailable)):
            self._failed(error)
            self._refuse(batch)
            return
        if len(batch) > 1:
            batch = [item for item in batch if not item.is_promised]
        else:
            promised = []
        known = error if isinstance(error, HeadworksError) else Internal(reason=f"writer: {error!r}")
        self._hand_over([(item.pending, None, known) for item in batch], batch)
        for item in promised:
            self._serve([item])

    def _transact(self, batch: list[Item]) -> list[Result]:
        items, jobs, results = self._sorted(batch)
        for job in jobs:
            if job.file == "keys":
                results.append(job.attempt(self._files["keys"]))
        desk, connection = self._desk, self._files["records"]
        if desk is not None:
            desk.prepare(items)
        connection.execute("BEGIN IMMEDIATE")
        if desk is not None:
            desk.write(connection)
        results.extend(job.attempt(connection) for job in jobs if job.file == "records")
        connection.execute("COMMIT")
        return results if desk is None else results + desk.committed()

    @staticmethod
    def _sorted(batch: list[Item]) -> tuple[list[Item], list[Job[Any]], list[Result]]:
        jobs = [item for item in batch if isinstance(item, Job)]
        return ([item for item in batch if not isinstance(item, Job)] if jobs else batch), jobs, []

    def _undo(self) -> None:
        with contextlib.suppress(apsw.Error):
            if self._files["records"].in_transaction:
                self._files["records"].execute("ROLLBACK")
        if self._desk is not None:
            self._desk.forget()

    def _rest(self, *, is_idle: bool) -> None:
        """Fold the WAL in small steps and do the desk's chores; a failure here is a failure of the store."""
        try:
            fold_at = self._fold_at
            for file, pages in self._wal_pages.items():
                if pages >= fold_at[file] or (is_idle and pages):
                    self._fold(file, pages, is_idle=is_idle)
            if self._desk is not None:
                self._has_chores = self._desk.rest(self._files["records"])
        except Exception as error:  # as in _serve; what cannot be signed or pruned must not grow on
            self._undo()
            self._failed(error)

    def _leave(self) -> None:
        if self._desk is None or self._failure:
            return
        try:
            self._desk.leave(self._files["records"])
        except STORE_ERRORS as error:
            self._undo()
            self._failed(error)

    def _fold(self, file: File, pages: int, *, is_idle: bool) -> None:
        if file == "records" and self._folder is not None and pages < self._catch_up_at and not is_idle:
            self._folder.ask()
            self._fold_at[file] = pages + FOLD_PAGES
            return
        try:
            written, folded = self._files[file].wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:  # the folder is at it
            self._fold_at[file] = pages + FOLD_PAGES
            return
        self._wal_pages[file] = 0
        # A reader may hold the rest back; then try again only after another stretch.
        missing = 0 if folded == written else written
        self._fold_at[file] = missing + FOLD_PAGES
        if file == "records":
            self._catch_up_at = missing + CATCH_UP_PAGES

    def _hand_over(self, results: list[Result], batch: list[Item]) -> None:
        """Resolve everything by one call on the loop's thread; what another thread waits for, here."""
        count = len(batch)
        for pending, value, error in results:
            if type(pending) is Waiter:
                settle(pending, value, error)
                count -= 1  # it was never counted
        size_bytes = size_of(batch)

        def _resolve() -> None:
            self._queued_items -= count
            self._queued_bytes -= size_bytes
            for pending, value, error in results:
                if error is None:
                    pending.resolve(value)
                else:
                    pending.fail(error)

        try:
            self._post(_resolve)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            return

    def _refuse(self, batch: list[Item]) -> None:
        """Fail what somebody waits for; what was promised stays until the store works again."""
        self._kept += [item for item in batch if item.is_promised]
        batch = [item for item in batch if not item.is_promised]
        if batch:
            error = self._unavailable()
            self._hand_over([(item.pending, None, error) for item in batch], batch)

    def _unavailable(self) -> RecordUnavailable:
        return RecordUnavailable(reason=self._failure or "the writer is stopped", retry_after_s=1.0)

    def _failed(self, error: BaseException) -> None:
        self._failure = f"{type(error).__name__}: {error}"
        self._has_recovered = False
        self._probe_after_ns = FIRST_PROBE_NS
        self._probe_at_ns = self._clock.monotonic_ns() + FIRST_PROBE_NS

    def _probe(self) -> None:
        """Try a real write on fresh connections; on success read memory back from the file and go on."""
        try:
            self._close_files()
            self._open_files()
            for connection in self._files.values():
                connection.pragma("user_version", connection.pragma("user_version"))
            if self._desk is not None:
                self._desk.load(self._files)
        except (*STORE_ERRORS, HeadworksError) as error:
            self._failure = f"{type(error).__name__}: {error}"
            self._probe_after_ns = min(SLOWEST_PROBE_NS, self._probe_after_ns * 2)
            self._probe_at_ns = self._clock.monotonic_ns() + self._probe_after_ns
            return
        self._failure = ""
        self._taken, self._kept = self._kept + self._taken, []

    def _open_files(self) -> None:
        for file in ("records", "keys"):
            connection = self._connect(file)
            connection.set_wal_hook(self._note_growth(file))
            self._files[file] = connection
        self._folder = Folder(self._connect("records"))

    def _note_growth(self, file: File) -> Callable[[apsw.Connection, str, int], int]:
        def _note(_: apsw.Connection, _name: str, pages: int) -> int:
            self._wal_pages[file] = pages
            return apsw.SQLITE_OK

        return _note

    def _close_files(self) -> None:
        """Fold every WAL away completely where that is possible; the last connection also removes it."""
        if self._folder is not None:
            self._folder.stop()
            self._folder = None
        for connection in self._files.values():
            with contextlib.suppress(apsw.Error):
                if not self._failure:
                    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                connection.close(True)
        self._files.clear()
