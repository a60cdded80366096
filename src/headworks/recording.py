"""What the record is told of a call, and who keeps it: the port of the durable record."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from headworks.costs import Given, Reservation, Settlement, Usage
from headworks.pending import Pending
from headworks.units import RequestId
from headworks.values import RecordMode


class Entry(Struct, gc=False, array_like=True):
    """One call's record while it is being made; the ledger seals and stores it.

    Units: `at_wall_ns` since 1970 UTC; stage times in microseconds, in the order of the story.
    Shapes: `outcome` is `ok` or an error's code; `input` and `output` are clear here and encrypted by the ledger.
    """

    request_id: RequestId
    at_wall_ns: int
    route: str
    via: str = "http"
    caller_id: str = ""
    subject: str | None = None
    endpoint: str = ""
    version: int = 0
    target: str = ""
    model_version: str = ""
    status: int = 0
    outcome: str = ""
    attempts: int = 0
    rows: int = 0
    batch_rows: int = 0
    client_request_id: str | None = None
    input_bytes: int = 0
    output_bytes: int = 0
    queue_us: int = 0
    run_us: int = 0
    total_us: int = 0
    stages_us: tuple[int, ...] = ()
    mode: RecordMode = RecordMode.FULL
    retention_s: float | None = None
    input: tuple[bytes, ...] = ()
    output: bytes = b""
    output_media: str = "application/json"
    idempotency: IdempotencySlot | None = None
    usage: Usage | None = None
    cost_micros: int | None = None
    reservation: Reservation | None = None
    settled: tuple[Settlement, ...] = ()
    given: Given | None = None


class IdempotencySlot(Struct, frozen=True):
    """Where the answer of a call with an Idempotency-Key is kept: per caller and endpoint.

    Shapes: `slot` SHA-256 over caller, endpoint and key; `body` SHA-256 over all that makes the request another one: its body
    and query, their type, the way in, the subject and the form of the answer.
    """

    slot: bytes
    body: bytes


class Opened(Struct, gc=False):
    """The row of a call under way; its number is known once the store has it."""

    request_id: RequestId
    number: int = -1


class Replay(Struct, frozen=True):
    """The stored answer of an earlier call with the same Idempotency-Key."""

    request_id: RequestId
    status: int
    media: str
    body: bytes


class Ledger(Protocol):
    """The durable record. A pending result resolves once what it is about is durable; RecordUnavailable while the store fails."""

    def commit(self, entry: Entry) -> Pending[None]:
        """Write one finished call as one row (with its idempotency slot, in the same transaction)."""

    def open(self, entry: Entry) -> Pending[Opened]:
        """Write the `opened` row of a call that streams or leaves the house."""

    def reserve(self, opened: Opened, reservation: Reservation) -> Pending[None]:
        """Write what one more attempt of an opened call may cost, before it is sent; again, what one has come to."""

    def close(self, opened: Opened, entry: Entry) -> Pending[None]:
        """Write the closing row of an opened call, once, with what its attempts came to."""

    def refuse(self, source: str, route: str, code: str) -> None:
        """Count a refusal of nobody in particular, or a repeated 429; aggregated per second, bounded."""

    def claim(self, idempotency: IdempotencySlot) -> Pending[Replay | None]:
        """Claim a slot: None means run the call, then commit with the slot or `release` it.

        Raises: IdempotencyRunning, IdempotencyMismatch, through the pending result.
        """

    def release(self, idempotency: IdempotencySlot) -> None:
        """Give up a claimed slot: the call failed in a way that may be tried again."""
