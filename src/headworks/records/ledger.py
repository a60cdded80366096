"""The durable record of every call: the Ledger port, on one SQLite file with one writer.

What is written and how it proves itself is in desk.py, sealing.py and tree.py; this file is what the story talks to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from headworks.costs import Reservation
from headworks.errors import HomeUnavailable
from headworks.pending import Pending
from headworks.recording import Entry, IdempotencySlot, Opened, Replay
from headworks.records.chores import Usage
from headworks.records.desk import RecordDesk
from headworks.records.detail import detail_text
from headworks.records.erasure import Erase, Erased
from headworks.records.journal import Journal, forget, kept
from headworks.records.kms import Kms
from headworks.records.promises import Promises, take_over
from headworks.records.recovery import unknown_outcome
from headworks.records.refusals import Refusals
from headworks.records.replays import Claim, Release
from headworks.records.sealing import Put
from headworks.records.settings import RecordSettings
from headworks.records.spending import Reserve
from headworks.stores.queries import load_queries
from headworks.stores.sqlite import Stores
from headworks.stores.work import Item, Post, Scheduling
from headworks.units import Clock, RequestId
from headworks.values import RecordMode


class Ledger:
    """Implements the Ledger port; see ports.Ledger.

    Safe under: the thread of the event loop; `accessed_now` and `stop` from any other or without a loop.
    """

    def __init__(self, desk: RecordDesk, stores: Stores, refusals: Refusals) -> None:
        self._desk = desk
        self._refusals = refusals
        self.stores = stores
        self.when_lost: Callable[[BaseException], object] = _nobody
        """Told of a row that was promised and that a defect keeps out of the store for ever."""
        self.lost: list[BaseException] = []
        """What such a defect kept out of it when the journal was taken over at this start."""
        self.without_journal = ""
        """Why nothing is promised, where it could be."""
        self._promises: Promises | None = None
        self._spending_sql = load_queries(__package__, "spending.sql")

    @classmethod
    def start(
        cls,
        settings: RecordSettings,
        clock: Clock,
        post: Post,
        kms: Kms | None = None,
        scheduling: Scheduling | None = None,
    ) -> Ledger:
        """Open the home's record, finish what a crash left and start the writer.

        `post` runs a callable on the thread of the event loop (doorbell.py); with `scheduling`
        the records of rounds that follow each other go to the writer together, and rows may be promised (promises.py).
        Raises: HomeUnavailable when files or keys are missing, foreign or altered.
        """
        refusals = Refusals(settings)
        desk = RecordDesk(settings, clock, refusals, kms)
        try:
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeUnavailable(f"Home {settings.home} cannot be used: {error.strerror}.") from error
        stores = Stores(settings.home, settings.durable, post, clock, scheduling)
        stores.writer.start(desk)
        ledger = cls(desk, stores, refusals)
        with ExitStack() as undo:
            undo.callback(ledger.stop)
            ledger._recover()
            if scheduling is not None and settings.durable == "process":
                ledger._promises = ledger._begun(scheduling)
            undo.pop_all()
        return ledger

    def stop(self) -> None:
        """Write what is queued, sign the tree, fold the WAL away; later calls fail with RecordUnavailable."""
        if self._promises is not None:
            self._promises.give_on()
        self.stores.close()
        if self._promises is not None:
            self._promises.close()
            self._promises = None

    @property
    def is_available(self) -> bool:
        """Whether records can be written now."""
        return self.stores.writer.is_available and not self._desk.is_full

    @property
    def failure(self) -> str:
        """Why nothing can be written; for the log."""
        return self.stores.writer.failure

    def usage(self) -> Usage:
        """What is stored and how much disk it takes, at most a second old."""
        return self._desk.chores.usage

    def verifier(self) -> str:
        """The public key of the log's checkpoints (C2SP signed-note form), to be kept elsewhere."""
        return self._desk.log.signer.verifier.text()

    def commit(self, entry: Entry) -> Pending[None]:
        """See ports.Ledger."""
        pending: Pending[None] = Pending()
        self._put(Put(pending, "call", entry), entry)
        return pending

    def open(self, entry: Entry) -> Pending[Opened]:
        """See ports.Ledger."""
        pending: Pending[Opened] = Pending()
        self._put(Put(pending, "opened", entry, Opened(entry.request_id)), entry)
        return pending

    def reserve(self, opened: Opened, reservation: Reservation) -> Pending[None]:
        """See ports.Ledger; fails with Internal when the call is not open."""
        pending: Pending[None] = Pending()
        self._put(Reserve(pending, opened, reservation))
        return pending

    def spent(self) -> dict[tuple[str, str], int]:
        """What every account has spent or holds, by account and period; for the start."""
        return {
            (account, period): micros
            for account, period, micros in self.stores.records.read(self._spending_sql["spent"])
        }

    def used(self, first_day: str, last_day: str) -> list[tuple[Any, ...]]:
        """Rows of the table `used` between two days, such as `2026-11-27`, both included."""
        return self.stores.records.read(self._spending_sql["used"], (first_day, last_day))

    def close(self, opened: Opened, entry: Entry) -> Pending[None]:
        """See ports.Ledger; a second close of one call fails with Internal."""
        pending: Pending[None] = Pending()
        entry.input = ()  # the opened row has it
        self._put(Put(pending, "closed", entry, opened), entry)
        return pending

    def refuse(self, source: str, route: str, code: str) -> None:
        """See ports.Ledger."""
        self._refusals.count(source, route, code)

    def settled(self) -> Pending[None]:
        """Resolves once all that was promised before is in the store, where it can be read; see promises.py."""
        return self.stores.records.write(lambda _: None)

    def claim(self, idempotency: IdempotencySlot) -> Pending[Replay | None]:
        """See ports.Ledger; besides its errors IdempotencySpent, when the first answer cannot be given again."""
        pending: Pending[Replay | None] = Pending()
        self._submit(Claim(pending, idempotency))
        return pending

    def release(self, idempotency: IdempotencySlot) -> None:
        """See ports.Ledger."""
        self._submit(Release(Pending(), idempotency))

    def accessed(self, actor: str, what: dict[str, Any]) -> Pending[None]:
        """Record that somebody reads content; resolves once that is durable, before the content is shown."""
        pending: Pending[None] = Pending()
        self._submit(self._access(pending, actor, what))
        return pending

    def accessed_now(self, actor: str, what: dict[str, Any]) -> None:
        """The same, blocking, for the command line."""
        self.stores.writer.submit_and_wait(self._access(Pending(), actor, what))

    def pseudonym(self, subject: str) -> bytes:
        """What stands for a person where names must not: the same each time, and keyed."""
        return self._desk.keys.owner(subject, is_subject=True)

    def erase(self, subject: str, actor: str) -> Pending[Erased]:
        """Make everything recorded of a person unreadable for ever, and record who asked for it.

        Every data key of the person is destroyed; rows and leaves stay, so the record still verifies.
        """
        erasing: Pending[Erased] = Pending()
        erased: Pending[Erased] = Pending()
        erasing.when_done(lambda: self._wiped(erasing, erased))
        self._submit(Erase(erasing, self.pseudonym(subject), actor))
        return erased

    def _begun(self, scheduling: Scheduling) -> Promises | None:
        """The promises from now on; none where the disk has no room for a journal: every row then waits for its commit."""
        desk = self._desk
        try:
            journal = Journal.begin(
                desk.settings.home, lambda key: desk.kms.wrap(key, self._journal_context()), desk.promised
            )
        except OSError as error:
            self.without_journal = str(error.strerror)
            return None
        return Promises(journal, desk, self.stores.writer, scheduling, self._lost)

    def _lost(self, error: BaseException) -> None:
        self.when_lost(error)

    def _journal_context(self) -> bytes:
        return b"headworks journal|" + self._desk.log.log_id.encode()

    def _wiped(self, erasing: Pending[Erased], erased: Pending[Erased]) -> None:
        """What was promised of the person before is in the store now, so nothing of it need stay in the journal, whoever waits."""
        if self._promises is not None:
            self._promises.wipe()
        if erasing.error is None:
            erased.resolve(erasing.result())
        else:
            erased.fail(erasing.error)

    def _put(self, row: Put | Reserve, entry: Entry | None = None) -> None:
        if self._promises is None or not self._promises.add(row, entry):
            self._submit(row)

    def _submit(self, item: Item) -> None:
        """Let the writer have it, after all that came before."""
        if self._promises is not None:
            self._promises.give_on()
        self.stores.writer.submit(item)

    def _access(self, pending: Pending[Any], actor: str, what: dict[str, Any]) -> Put:
        wall_ns = self._desk.clock.wall_ns()
        entry = Entry(RequestId(""), wall_ns, "", "internal", actor, outcome="access", mode=RecordMode.NONE)
        return Put(pending, "access", entry, detail=detail_text(what))

    def _held_micros(self, number: int) -> int | None:
        """What a call that was cut off is charged: all that its attempts held; None when they held nothing."""
        ((micros, attempts),) = self.stores.records.read(self._spending_sql["reserved_micros"], (number,))
        return micros if attempts else None

    def _recover(self) -> None:
        """Write what a crash left in the journal, close what it left open, and write the tombstones it kept from the record."""
        sql, keys_sql = (load_queries(__package__, name) for name in ("records.sql", "keys.sql"))
        stores, desk = self.stores, self._desk
        running = dict(stores.records.read(sql["running_requests"]))
        frames = kept(
            desk.settings.home, lambda wrapped: desk.kms.unwrap(wrapped, self._journal_context()), desk.promised
        )
        self.lost = take_over(frames, running, desk, stores.writer)
        forget(desk.settings.home)
        for number, _ in stores.records.read(sql["running"]):
            (row,) = stores.records.read(sql["record"], (number,))
            entry = unknown_outcome(row)
            entry.cost_micros = self._held_micros(number)
            opened = Opened(entry.request_id, number)
            stores.writer.submit_and_wait(Put(Pending(), "closed", entry, opened))
        for owner in {owner for owner, _ in stores.keys.read(keys_sql["unrecorded"])}:
            stores.writer.submit_and_wait(Erase(Pending(), owner, actor=""))


def _nobody(_: BaseException) -> None:
    """Nobody is to be told."""
