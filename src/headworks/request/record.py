"""The record of one call while it runs: a Line, written exactly once however the call ends."""

import hashlib

from headworks.errors import HeadworksError, Overloaded, RateLimited, Unauthenticated
from headworks.pending import Pending
from headworks.ports import Entry, IdempotencySlot, Parts, Replay
from headworks.values import Call, Caller, Endpoint, Matched, Outcome, RawRequest, RecordMode

UNKNOWN_ROUTE = "-"
MAX_STREAM_BYTES = 4 * 2**20


class Line:
    """Gathers what a call's record needs and hands it to the ledger once.

    A call without a known caller, or refused for its rate or for load, is counted, not written (see Ledger.refuse).
    """

    __slots__ = ("_is_ended", "_is_written", "_number", "_parts", "_slot", "entry", "events", "raw")

    def __init__(self, raw: RawRequest, parts: Parts) -> None:
        self.raw = raw
        self.entry = Entry(raw.request_id, parts.clock.wall_ns(), UNKNOWN_ROUTE, raw.via)
        self.events: list[bytes] = []
        self._parts = parts
        self._is_ended = False
        self._is_written = False
        self._number: int | None = None
        self._slot: IdempotencySlot | None = None

    def takes(self, matched: Matched) -> Matched:
        """Note the route."""
        self.entry.route = matched.route.template
        return matched

    def called_by(self, caller: Caller) -> Caller:
        """Note who calls."""
        self.entry.caller_id = caller.key_id
        return caller

    def about(self, endpoint: Endpoint) -> Endpoint:
        """Note which endpoint is meant."""
        entry = self.entry
        entry.endpoint = endpoint.name
        entry.version = endpoint.version
        entry.mode = endpoint.record
        entry.retention_s = endpoint.retention_s
        entry.input_bytes = len(self.raw.body)
        return endpoint

    def asks(self, call: Call) -> Call:
        """Note what is asked."""
        entry = self.entry
        entry.subject = call.subject
        entry.client_request_id = call.client_request_id
        entry.rows = call.payload.rows
        if call.payload.blobs:
            entry.input = (call.payload.document, *(blob for _, blob in call.payload.blobs))
        else:
            entry.input = (call.payload.document,)
        return call

    async def claim(self, call: Call) -> Replay | None:
        """The stored answer of an earlier call with the same Idempotency-Key, or the right to run this one.

        Raises: IdempotencyRunning (409), IdempotencyMismatch (422).
        """
        name = f"{self.entry.caller_id}\n{call.endpoint.id}\n{call.idempotency_key}"
        asked = f"{self.raw.query}\n{call.reply_media}\n".encode()
        slot = IdempotencySlot(hashlib.sha256(name.encode()).digest(), hashlib.sha256(asked + self.raw.body).digest())
        replay = await self._parts.ledger.claim(slot)
        if replay is None:
            self._slot = slot
        return replay

    def answered_by(self, outcome: Outcome, attempts: int, parsed_ns: int) -> None:
        """Note which target answered, and the times."""
        entry = self.entry
        entry.target = outcome.target
        entry.model_version = outcome.model_version
        entry.attempts = attempts
        entry.batch_rows = outcome.batch_rows
        entry.queue_us = outcome.queue_ns // 1000
        entry.run_us = outcome.run_ns // 1000
        entry.stages_us = ((parsed_ns - self.raw.arrived_ns) // 1000, entry.queue_us, entry.run_us)

    async def open(self) -> None:
        """Write the opened row of a call that streams, before its first byte."""
        self.entry.idempotency = self._slot
        self._number = await self._parts.ledger.open(self.entry)

    async def commit(self, status: int, body: bytes, media: str, outcome: str = "ok") -> None:
        """Write the finished call; returns once it is durable.

        Raises: RecordUnavailable (503).
        """
        entry = self.entry
        entry.status = status
        entry.outcome = outcome
        entry.output = body
        entry.output_media = media
        entry.output_bytes = len(body)
        entry.idempotency = self._slot
        await self._write()

    async def refused(self, error: HeadworksError) -> None:
        """Write, or count, a call that ended in an error."""
        if self._slot is not None and self._number is None and not self._is_written:
            self._parts.ledger.release(self._slot)
            self._slot = None
        entry = self.entry
        entry.status, entry.outcome = error.status, error.code
        if self._is_written:
            self._end()
            return
        if not entry.caller_id or isinstance(error, Unauthenticated | RateLimited | Overloaded):
            self._is_written = True
            self._parts.ledger.refuse(self.raw.peer, entry.endpoint or "-", error.code)
            self._end()
            return
        await self._write()

    def stream_event(self, event: bytes) -> None:
        """Note one event of a stream; what exceeds the bound is counted, not kept."""
        self.entry.output_bytes += len(event)
        if self.entry.mode is RecordMode.FULL and self.entry.output_bytes <= MAX_STREAM_BYTES:
            self.events.append(event)

    def close(self, error: HeadworksError | None) -> Pending[None]:
        """Write the closing row of a stream, once."""
        entry = self.entry
        entry.outcome, entry.status = ("ok", 200) if error is None else (error.code, error.status)
        entry.output = b"[" + b",".join(self.events) + b"]"
        entry.output_media = "text/event-stream"
        entry.idempotency = self._slot
        entry.total_us = (self._parts.clock.monotonic_ns() - self.raw.arrived_ns) // 1000
        self._is_written = True
        self._end()
        if self._number is None:
            return self._parts.ledger.commit(entry)
        return self._parts.ledger.close(self._number, entry)

    async def _write(self) -> None:
        self._is_written = True
        entry = self.entry
        entry.total_us = (self._parts.clock.monotonic_ns() - self.raw.arrived_ns) // 1000
        if self._number is None:
            await self._parts.ledger.commit(entry)
        else:
            await self._parts.ledger.close(self._number, entry)
        self._end()

    def _end(self) -> None:
        if not self._is_ended:
            self._is_ended = True
            self._parts.watch.ended(self.entry)
