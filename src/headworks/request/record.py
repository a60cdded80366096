"""The record of one call while it runs: a Line, written exactly once however the call ends."""

import hashlib
from contextlib import suppress
from functools import partial

from msgspec import structs

from headworks.costs import Reservation, Settlement
from headworks.errors import (
    ClientGone,
    HeadworksError,
    Internal,
    Overloaded,
    RateLimited,
    RecordUnavailable,
    Unauthenticated,
)
from headworks.pending import Pending, Shared, driven
from headworks.ports import Parts
from headworks.recording import Entry, IdempotencySlot, Opened, Replay
from headworks.request.shape import is_passed
from headworks.request.usage import MARK, TELLING, is_own, usage_told
from headworks.values import Auth, Call, Caller, Endpoint, Matched, Outcome, RawRequest, RecordMode

UNKNOWN_ROUTE = "-"
MAX_STREAM_BYTES = 4 * 2**20
NOBODY = Caller("", "", Auth.PUBLIC)
NOT_ANSWERED = Outcome(b"", "", "", batch_rows=0, attempts=0)

_COUNTED = (Unauthenticated, RateLimited, Overloaded)
_FULL, _NONE = RecordMode.FULL, RecordMode.NONE  # a member looked up on its class costs 0.1 µs


class Line:
    """What is known of a call so far; the ledger is handed one entry of it.

    The story sets `matched`, `caller`, `endpoint`, `call`, `parsed_ns` and `answer` as it learns them. A call without
    a known caller, or refused for its rate or for load, is counted, not written (see Ledger.refuse).
    """

    __slots__ = (
        "_entry", "_is_ended", "_is_written", "_opened", "_opening", "_parts", "_settled", "_slot", "_spent",
        "_streamed_bytes",
        "answer", "at_wall_ns", "call", "caller", "endpoint", "events", "matched", "mode", "parsed_ns", "raw",
    )  # fmt: skip

    _entry: Entry

    def __init__(self, raw: RawRequest, parts: Parts, at_wall_ns: int) -> None:
        self.raw = raw
        self.at_wall_ns = at_wall_ns
        self.matched: Matched | None = None
        self.caller = NOBODY
        self.endpoint: Endpoint | None = None
        self.mode = _FULL
        self.call: Call | None = None
        self.answer = NOT_ANSWERED
        self.parsed_ns = 0
        self._parts = parts
        self._is_ended = self._is_written = False
        self._opened: Opened | None = None
        self._opening: Shared[Opened] | None = None
        self._streamed_bytes = 0
        self._settled: list[Settlement] = []
        self._spent: list[bytes] = []
        self.events: list[bytes] = []
        self._slot: IdempotencySlot | None = None

    async def claim(self, call: Call) -> Replay | None:
        """The stored answer of an earlier call with the same Idempotency-Key, or the right to run this one.

        Raises: IdempotencyRunning (409), IdempotencyMismatch (422).
        """
        raw, route = self.raw, _operation(self.matched)
        name = f"{self.caller.key_id}\n{call.endpoint.id}\n{call.idempotency_key}"
        sent_as = f"{route}\n{call.subject}\n{raw.headers.get('content-type')}\n{raw.query}\n{call.reply_media}\n"
        asked = hashlib.sha256(sent_as.encode() + raw.body)
        slot = IdempotencySlot(hashlib.sha256(name.encode()).digest(), asked.digest())
        claiming = self._parts.ledger.claim(slot)
        try:
            replay = await claiming
        except ClientGone:  # the claim is under way all the same
            claiming.when_done(partial(self._give_back, slot, claiming))
            raise
        if replay is None:
            self._slot = slot
        return replay

    async def open(self, reservation: Reservation | None = None) -> None:
        """Write the opened row of a call that streams or leaves the house; see values.Opening."""
        if self._opening is None:
            entry = self._noted(0, "", media=self.call.reply_media if self.call is not None else "application/json")
            entry.reservation = reservation
            self._opening = Shared(self._parts.ledger.open(entry))
            self._opened = await self._opening.join()
            return
        opened = self._opened = await self._opening.join()  # attempts at the same time share one row
        if reservation is not None and reservation.budgets:
            await self._parts.ledger.reserve(opened, reservation)

    def settle(self, settlement: Settlement, *, may_go_on: bool = False) -> None:
        """See values.Opening.

        What is given back can be spent at once. So that no crash charges it to this call as well, that it was goes to the
        writer before anything that is paid from it; nobody has to wait.
        """
        self._settled.append(settlement)
        held, micros = settlement.reservation, settlement.micros
        if may_go_on and self._opened is not None and held.budgets and micros not in {None, held.micros}:
            self._parts.ledger.reserve(self._opened, structs.replace(held, micros=micros))

    def commit(self, status: int, body: bytes, media: str, outcome: str = "ok") -> Pending[None]:
        """Write the finished call; wait for it, then say `end`.

        Raises: RecordUnavailable (503), through the pending result; what then becomes of an opened row, `refused` sees to.
        """
        entry = self._noted(status, outcome, body, media)
        if self.call is not None and self.call.endpoint.task in TELLING:
            self._tell_usage(entry, [body])
        return self._write(entry)

    def end(self) -> None:
        """Count and log the call, once."""
        if not self._is_ended:
            self._is_ended = True
            self._parts.watch.ended(self._entry)

    async def refused(self, error: HeadworksError) -> None:
        """Write, or count, a call that ended in an error."""
        if self._opened is None and self._opening is not None:  # whoever waited for it went away
            with suppress(HeadworksError):
                self._opened = await self._opening.join()
        if self._slot is not None and not self._is_written:
            if self._opened is None:
                self._parts.ledger.release(self._slot)
            self._slot = None
        if self._is_written and self._opened is not None and isinstance(error, RecordUnavailable):
            await self._close_bare(self._opened, self._entry, error)
        entry = self._noted(error.status, error.code)
        is_counted = not entry.caller_id or isinstance(error, _COUNTED)
        if is_counted and self._opened is None and not self._is_written:
            self._is_written = True
            self._parts.ledger.refuse(self.raw.peer, entry.endpoint or "-", error.code)
        if not self._is_written:
            await self._write(entry)
        self.end()

    def named(self, failure: Exception) -> HeadworksError:
        """The error that a failure is told and recorded as; one without a name is a defect of ours, so it is logged and counted."""
        if isinstance(failure, HeadworksError):
            return failure
        self._parts.watch.failed(self.raw.request_id, failure)
        return Internal()

    def stream_event(self, event: bytes) -> None:
        """Note one event of a stream; what exceeds the bound is counted, not kept."""
        self._streamed_bytes += len(event)
        if MARK in event:
            self._spent[1:] = [event]  # the first, and the last so far
        is_kept = self._entry.mode is not _NONE or self._slot is not None
        if is_kept and self._streamed_bytes <= MAX_STREAM_BYTES:
            self.events.append(event)

    def close(self, error: HeadworksError | None) -> Pending[None]:
        """Write the closing row of a stream, once; one that failed gives its idempotency slot back."""
        if error is not None:
            self._slot = None
        outcome, status = ("ok", 200) if error is None else (error.code, error.status)
        is_body = is_passed(self.answer)
        output = b"".join(self.events) if is_body else b"[" + b",".join(self.events) + b"]"
        entry = self._noted(status, outcome, output, self.answer.media if is_body else "text/event-stream")
        entry.output_bytes = self._streamed_bytes
        stream = self.answer.stream
        if stream is not None:
            entry.usage, entry.cost_micros = stream.billed()
        if self.call is not None and self.call.endpoint.task in TELLING:
            self._tell_usage(entry, self._spent)
        self.end()
        written = self._write(entry)
        return written if self._opened is None else driven(self._closed(self._opened, entry, written))

    def _tell_usage(self, entry: Entry, told: list[bytes]) -> None:
        """What a service outside used is known already; a model of our own says it in its answer."""
        if entry.usage is None and is_own(self.answer):
            entry.usage = usage_told(told)

    def _give_back(self, slot: IdempotencySlot, claiming: Pending[Replay | None]) -> None:
        """Whoever claimed the slot went away before it was theirs."""
        if claiming.error is None and claiming.result() is None:
            self._parts.ledger.release(slot)

    def _write(self, entry: Entry) -> Pending[None]:
        self._is_written = True
        if self._opened is None:
            return self._parts.ledger.commit(entry)
        entry.settled = tuple(self._settled)
        if entry.settled:
            entry.cost_micros = _sum_micros(entry.settled)
        return self._parts.ledger.close(self._opened, entry)

    async def _closed(self, opened: Opened, entry: Entry, written: Pending[None]) -> None:
        try:
            await written
        except RecordUnavailable as error:
            await self._close_bare(opened, entry, error)
            raise

    async def _close_bare(self, opened: Opened, entry: Entry, error: RecordUnavailable) -> None:
        """There was no room for what was answered: close the row at least with how it ended and what it cost."""
        bare = structs.replace(
            entry, output=b"", output_bytes=0, idempotency=None, outcome=error.code, status=error.status
        )
        with suppress(HeadworksError):
            await self._parts.ledger.close(opened, bare)

    def _noted(self, status: int, outcome: str, output: bytes = b"", media: str = "application/json") -> Entry:
        """The entry of all that is known now."""
        raw, matched, endpoint, call, answer = self.raw, self.matched, self.endpoint, self.call, self.answer
        spent_us = (self._parts.clock.monotonic_ns() - raw.arrived_ns) // 1000
        if matched is None or endpoint is None or call is None:
            self._entry = entry = self._noted_early(spent_us)
            entry.status, entry.outcome, entry.output, entry.output_media = status, outcome, output, media
            entry.output_bytes = len(output)
            return entry
        payload = call.payload
        document = payload.document
        queue_us, run_us = answer.queue_ns // 1000, answer.run_ns // 1000
        parsed_us = (self.parsed_ns - raw.arrived_ns) // 1000
        if answer.stream is not None:  # it ran until now, whatever it took to its first event
            run_us = max(spent_us - parsed_us - queue_us, run_us)
        self._entry = entry = Entry(  # in the order of the fields: names would cost more than all else here
            raw.request_id, self.at_wall_ns, matched.route.template, raw.via, self.caller.key_id, call.subject,
            endpoint.name, endpoint.version, answer.target, answer.model_version, status, outcome, answer.attempts,
            payload.rows, answer.batch_rows, call.client_request_id, len(raw.body), len(output), queue_us, run_us,
            spent_us, (parsed_us, queue_us, run_us) if answer.attempts else (), endpoint.record, endpoint.retention_s,
            (document, *[blob for _, blob in payload.blobs]) if payload.blobs else (document,), output, media,
            self._slot, answer.usage, answer.cost_micros,
        )  # fmt: skip
        if answer.given is not None:
            entry.given = answer.given
        return entry

    def _noted_early(self, spent_us: int) -> Entry:
        """The entry of a call that was not understood, or of an operation."""
        raw, endpoint = self.raw, self.endpoint
        entry = Entry(raw.request_id, self.at_wall_ns, _route(self.matched), raw.via, self.caller.key_id)
        entry.mode, entry.total_us = self.mode, spent_us
        if self.mode is not _FULL:
            entry.input_bytes = len(raw.body)
        if endpoint is not None:
            entry.endpoint, entry.version = endpoint.name, endpoint.version
            entry.mode, entry.retention_s = endpoint.record, endpoint.retention_s
            entry.input_bytes = len(raw.body)
        return entry


def _sum_micros(settled: tuple[Settlement, ...]) -> int | None:
    """What all attempts cost; one whose cost is not known is charged what it held, if it held anything."""
    costs = [each.reservation.micros if each.micros is None else each.micros for each in settled]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _route(matched: Matched | None) -> str:
    return UNKNOWN_ROUTE if matched is None else matched.route.template


def _operation(matched: Matched | None) -> str:
    return UNKNOWN_ROUTE if matched is None else matched.route.operation
