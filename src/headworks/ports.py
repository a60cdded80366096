"""What the steps need from the parts: small protocols. Fakes and the real things pass the same contract suites."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from msgspec import Struct

from headworks.costs import Reservation, Settlement, Usage
from headworks.errors import HeadworksError
from headworks.pending import Pending
from headworks.recording import Entry, Ledger
from headworks.units import Clock, Rate, RequestId
from headworks.values import (
    Call,
    Caller,
    Endpoint,
    Matched,
    Outcome,
    Payload,
    Quota,
    RawRequest,
    Reply,
    Target,
)

T = TypeVar("T")


class Keys(Protocol):
    """Turns what a caller presents into a Caller, from memory."""

    def find(self, presented: str, peer: str, wall_ns: int) -> Caller:
        """The caller of this key.

        Raises: Unauthenticated (unknown, malformed, expired, revoked: one text for all), Forbidden (network).
        Cost: one HMAC and one look-up; an unknown id costs the same.
        """


class Limits(Protocol):
    """Rates (GCRA) and concurrency by bucket name."""

    def take(self, bucket: str, rate: Rate, cost: int, now_ns: int) -> Quota:
        """Take `cost` calls from a bucket.

        Raises: RateLimited with the exact `retry_after_s`, and nothing is taken.
        """

    def correct(self, bucket: str, rate: Rate, by: int, now_ns: int) -> None:
        """Take more than was asked, or give some back (`by` below 0), once it is known; never refuses."""

    def left(self, bucket: str, rate: Rate, now_ns: int) -> Quota:
        """What a bucket holds now; nothing is taken."""

    def enter(self, bucket: str, most: int) -> None:
        """Count one more running call.

        Raises: ConcurrencyExceeded when `most` already run.
        """

    def leave(self, bucket: str) -> None:
        """Count one running call less."""


class Targets(Protocol):
    """The targets by name, as they are now; a swapped model answers under its old name."""

    def find(self, name: str, work: str | None = None) -> Target:
        """The target; one outside may serve several tasks, and one task in several wordings.

        Raises: ModelUnavailable when it has no ready worker.
        """


class Peers(Protocol):
    """How targets that share the calls of a version do, compared with each other."""

    def out(self, endpoint: Endpoint) -> frozenset[str]:
        """The names of those that do much worse than the others, to be asked last."""

    def watched(self, endpoint: Endpoint, target: Target) -> Target:
        """The target, such that its calls are evidence."""


class Endpoints(Protocol):
    """The published endpoints, as they are now.

    Safe under: many threads, for reading.
    """

    def of(self, matched: Matched) -> Endpoint:
        """The endpoint and version that a route's `{endpoint}` and `{version}` name.

        Raises: NotFound; ModelUnavailable while the service starts.
        """

    def named(self, name: str, version: int) -> Endpoint:
        """One version of one endpoint; raises as `of`."""

    def versions(self) -> tuple[Endpoint, ...]:
        """Every version of every endpoint, by name and number."""

    def bare(self, name: str) -> Endpoint | None:
        """What a name without a version means: its only version, else the default one; None for neither."""


class Money(Protocol):
    """What paid services cost, and what callers, endpoints and tenants may still spend on them."""

    def check(self, caller: Caller, endpoint: Endpoint) -> None:
        """Refuse a call whose budget is used up already, before anything is done for it.

        Raises: BudgetExhausted.
        """

    def reserve(self, call: Call, caller: Caller, service: str, added_tokens: int = 0) -> Reservation:
        """Hold what one attempt at a service (`kind/model`) may cost at most; `added_tokens` are said beside what the caller sent.

        Raises: BudgetExhausted, PriceUnknown; nothing is then held.
        Cost: no I/O.
        """

    def left(self, caller: Caller, endpoint: Endpoint) -> tuple[Quota, ...]:
        """What is left of the rates of tokens that a call falls under."""

    def settle(self, reservation: Reservation, usage: Usage | None, *, is_free: bool = False) -> Settlement:
        """Give back what an attempt did not cost; `is_free` for one that failed before anything was billed."""


class Embedded(Struct, frozen=True):
    """A text as a vector, and whose: vectors of different spaces cannot be compared."""

    space: str
    numbers: list[float]


Embed = Callable[[str], Pending[Embedded]]
"""Makes a vector of a text; fails with a HeadworksError, also when it takes too long."""


class Answers(Protocol):
    """Answers kept in memory, for endpoints that ask for it."""

    def answered(self, call: Call, owner: str, work: Callable[[], Pending[Outcome]], embed: Embed) -> Pending[Outcome]:
        """A kept answer, that of the same call under way by the same owner, or what `work` gives.

        Where the endpoint says so, also the kept answer to a similar question of the same owner; `embed` tells what is similar.

        Raises: what the work raises, and DeadlineExceeded, through the pending result.
        """

    def instead(self, call: Call, owner: str) -> Outcome | None:
        """A kept answer that is older than it should be, marked as degraded; None where there is none."""


class Watch(Protocol):
    """Counts what happened; never fails, never waits."""

    def ended(self, entry: Entry) -> None:
        """One call ended, however."""

    def failed(self, request_id: RequestId, error: BaseException) -> None:
        """Something failed that only the log may know about."""


class Routes(Protocol):
    """The table of routes, compiled at start."""

    def match(self, method: str, path: str) -> Matched:
        """The route of a request.

        Raises: NotFound, MethodNotAllowed (with Allow), Malformed.
        """


class Offload(Protocol):
    """Runs CPU work outside the event loop's thread."""

    def __call__(self, work: Callable[[], T], /) -> Pending[T]:
        """Run `work` in a bounded pool of threads; the result resolves on the loop's thread.

        Raises: what `work` raises, and Overloaded when the pool's queue is full, through the pending result.
        """


class EventWriter(Protocol):
    """The events of one streamed answer, in the words of a dialect."""

    keep_alive: bytes
    """What keeps a silent stream open; empty where the dialect has nothing of the kind."""

    def event(self, event: bytes) -> bytes:
        """What is sent for one event of the task; may be empty.

        Raises: ContractViolation, for an event that cannot be told.
        """

    def end(self, usage: Usage | None) -> bytes:
        """What is sent when all is well at the end, with what the target says it used."""

    def failed(self, error: HeadworksError, request_id: RequestId, instance: str) -> bytes:
        """What is sent when the stream breaks: the error, never a silent end."""


class Read(Struct, frozen=True):
    """What a dialect understood of a request; see values.Call."""

    payload: Payload
    reply_media: str
    form: object = None
    patience_ns: int | None = None
    """How long the caller waits, where the dialect has a word for it; it shortens the endpoint's own time, never lengthens it."""


class Dialect(Protocol):
    """One way to ask: which endpoint a request names, what it asks, and how the answer is told. Wire forms only, no policy."""

    def endpoint(self, raw: RawRequest, matched: Matched, endpoints: Endpoints) -> Endpoint:
        """The endpoint that the path or the body names.

        Raises: NotFound; what `read` raises where the name stands in a body that cannot be read.
        Safe under: many threads.
        """

    def read(self, raw: RawRequest, endpoint: Endpoint) -> Read:
        """The validated input, and the form of the answer that is asked for.

        Raises: NotJson, NotAcceptable, UnsupportedMedia, SchemaViolation (with pointers).
        Safe under: many threads.
        """

    def body(self, call: Call, body: bytes, media: str) -> tuple[bytes, str]:
        """A whole reply of the task in the dialect's form, with its media type."""

    def writer(self, call: Call) -> EventWriter:
        """What writes the events of this call's answer."""

    def fields(self, call: Call, request_id: RequestId, quotas: tuple[Quota, ...]) -> tuple[tuple[str, str], ...]:
        """Header fields that the dialect's clients look for, beside our own; asked after `body`, which may have left some in the call's form."""


Refusal = Callable[[HeadworksError, str, str], Reply]
"""Tells an error (with request id and path) as a dialect's clients expect it."""


class Ask(Struct, frozen=True):
    """A request to an operation of the service itself: catalogue, administration, health."""

    caller: Caller
    raw: RawRequest
    params: Mapping[str, str]


class Answer(Struct, frozen=True):
    """What such an operation answers."""

    body: bytes
    media: str = "application/json"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


class Action(Protocol):
    """One operation of the service itself; it passes the same story as a call to a model."""

    is_recorded: bool
    is_change: bool
    """Whether it must be in the record before it is done."""

    async def run(self, ask: Ask) -> Answer:
        """Do it; awaits Pending results only.

        Raises: HeadworksError, answered like any other.
        """


class Parts(Struct, frozen=True):
    """Everything the story needs, put together by app.py."""

    keys: Keys
    limits: Limits
    endpoints: Endpoints
    targets: Targets
    ledger: Ledger
    watch: Watch
    clock: Clock
    offload: Offload
    routes: Routes
    actions: Mapping[str, Action]
    dialects: Mapping[str, Dialect]
    """By operation: what asks for an endpoint. Any other operation is an action."""
    refusals: Mapping[str, Refusal]
    """By operation, where errors are not told as problem documents."""
    money: Money
    answers: Answers
    peers: Peers
    new_id: Callable[[], RequestId]
    """Mints ids of calls that the service makes for a call."""
