"""What the steps of a request hand to each other: frozen values, and `Held`, what must be given back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from msgspec import Struct

from headworks.contract.schema import Contract
from headworks.costs import Given, Reservation, Settlement, Usage
from headworks.pending import Pending
from headworks.policies import CachePolicy, Freshness, OutlierPolicy
from headworks.units import Rate, RequestId


class RawRequest(Struct, frozen=True, gc=False):
    """One request as an edge received it, whole, after the edge's own framing guards.

    Shapes: header names are lower case; repeated headers are joined with ", " (an edge refuses repeated singletons).
    """

    request_id: RequestId
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str
    arrived_ns: int
    is_secure: bool = False
    via: str = "http"
    ahead_ns: int = 0
    """How long the answer will wait to be recorded and written, where the edge foresees that; so much nearer is the deadline."""


class Auth(Enum):
    """Who may use a route. Every route names one; there is no default."""

    PUBLIC = "public"
    KEY = "key"
    STATISTICS = "statistics"
    ADMIN = "admin"
    LOCAL = "local"


class Route(Struct, frozen=True):
    """One method and path template, who may use it and what it runs.

    `operation` is `call` for an endpoint, else the name of an action.
    """

    method: str
    template: str
    auth: Auth
    operation: str
    max_body_bytes: int


class Matched(Struct, frozen=True):
    """The route a request took, with the values of the template's placeholders."""

    route: Route
    params: Mapping[str, str]


class Caller(Struct, frozen=True):
    """Who calls: one key (or administrator), its scopes and its limits.

    Shapes: `scopes` None means every endpoint and the catalogue, nothing else; else names such as `call:sentiment`.
    """

    key_id: str
    name: str
    auth: Auth
    scopes: frozenset[str] | None = None
    rate: Rate | None = None
    concurrency: int | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    expires_wall_ns: int | None = None
    tokens: Rate | None = None
    """How many tokens it may use at services outside."""
    tenant: str = ""
    """The customer or department that the key belongs to; empty where there are none."""


class Quota(Struct, frozen=True, gc=False):
    """What is left of a rate of calls, or of tokens."""

    name: str
    limit: int
    window_s: float
    remaining: int
    reset_s: float
    is_tokens: bool = False


class Admission(Struct, frozen=True, gc=False):
    """The caller's own rate and concurrency admitted this call; only `admit` makes one."""

    caller: Caller
    quota: Quota | None


class RecordMode(Enum):
    """What of a call's content is kept."""

    FULL = "full"
    DIGEST = "digest"
    NONE = "none"


class TargetChoice(Struct, frozen=True):
    """One target of an endpoint; `weight` None means the targets are ordered, for fallback."""

    name: str
    weight: int | None = None


class Endpoint(Struct, frozen=True):
    """One published version: its contract and its policy.

    Units: times in seconds, `deprecated_wall_s` and `sunset_wall_s` since 1970 UTC.
    """

    name: str
    version: int
    contract: Contract
    targets: tuple[TargetChoice, ...]
    task: str | None = None
    timeout_s: float = 10.0
    rate: Rate | None = None
    concurrency: int | None = None
    record: RecordMode = RecordMode.FULL
    retention_s: float | None = None
    deprecated_wall_s: float | None = None
    sunset_wall_s: float | None = None
    successor: str | None = None
    is_default: bool = False
    shadow: tuple[str, ...] = ()
    max_body_bytes: int = 16 * 2**20
    tokens: Rate | None = None
    """How many tokens all callers together may use at services outside."""
    max_output: int | None = None
    """The most tokens that a target outside may answer with."""
    is_http: bool = False
    """Whether whole HTTP requests are handed on, to an existing web application."""
    is_outside: bool = False
    """Whether a target is a service outside that costs money whatever is asked of it."""
    is_balanced: bool = False
    """Whether the targets are equals, of which the less loaded one is asked first."""
    outliers: OutlierPolicy | None = None
    """When a target that shares its calls with others is asked last, because it does so much worse than they."""
    cache: CachePolicy | None = None
    embedder: Endpoint | None = None
    """What makes vectors of questions, where answers to similar ones may be given."""
    declared: bytes | None = None
    """The answer to any row when no target answers; it satisfies the contract."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """By code of a refusal (`context_length_exceeded`, `content_policy`): the target that may still take the call."""
    finishes_streams: bool = False
    """Whether a stream whose caller left is read to its end and recorded whole, rather than stopped."""
    counter: str = ""
    """The first target, where that can count the tokens of a conversation; empty where it cannot."""
    work: str | None = None
    """What its targets outside are found by, where the task alone does not say it: the endpoint words its own prompts."""
    id: str = ""
    """`sentiment/v1`; the bucket, metric label and scope name of this version."""


class Payload(Struct, frozen=True, gc=False):
    """A validated input in the form every target reads.

    Shapes: `document` is one JSON text, of one row or, when `is_array`, of an array of `rows` rows. `blobs` are
    the binary fields sent outside the JSON, by name of the top-level field; the name "" is a whole binary input.
    """

    document: bytes
    blobs: tuple[tuple[str, bytes], ...] = ()
    rows: int = 1
    is_array: bool = False


class Call(Struct, frozen=True):
    """A request understood: which endpoint, with which validated input, answered how, by when.

    Shapes: `reply_media` is `application/json`, `text/csv` or `text/event-stream`.
    """

    endpoint: Endpoint
    payload: Payload
    reply_media: str
    deadline_ns: int
    subject: str | None = None
    idempotency_key: str | None = None
    client_request_id: str | None = None
    freshness: Freshness | None = None
    form: object = None
    """What the dialect remembers of the request, to answer in its words."""

    @property
    def is_stream(self) -> bool:
        """Whether the answer goes out event by event."""
        return self.reply_media == "text/event-stream"


class Grant(Struct, frozen=True):
    """Leave to run a call: scope, version, endpoint limits and predicted queue time all admit it."""

    admission: Admission
    call: Call
    quotas: tuple[Quota, ...]


class Plan(Struct, frozen=True):
    """Which targets are tried, in order, under one deadline."""

    grant: Grant
    attempts: tuple[Target, ...]


class Outcome(Struct, frozen=True):
    """What a target gave: a JSON body, or a stream of JSON events.

    Units: `queue_ns` waiting for a worker, `run_ns` inside the model for the whole batch of `batch_rows` rows (of a stream, to its first event); `attempts` targets were tried.
    """

    body: bytes
    target: str
    model_version: str
    queue_ns: int = 0
    run_ns: int = 0
    batch_rows: int = 1
    stream: Stream | None = None
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    media: str = "application/json"
    attempts: int = 1
    is_collected: bool = False
    """Whether the body is the array of a stream's events."""
    usage: Usage | None = None
    cost_micros: int | None = None
    degraded: str = ""
    """Why the answer is less than what was asked for: `cached`, `declared`; empty for a full one."""
    given: Given | None = None
    """Where it was not made for this call."""


class Stream(Protocol):
    """Events of a running call, pulled one at a time, each one JSON text."""

    def next(self) -> Pending[bytes | None]:
        """The next event; None after the last.

        Raises: TargetError, through the pending result.
        """

    def cancel(self) -> None:
        """Stop the model's work for this call; later events are dropped."""

    def billed(self) -> tuple[Usage | None, int | None]:
        """What was used so far, and what it cost in millionths; None where unknown or free of charge."""


class Opening(Protocol):
    """Told before anything of a call leaves the house, and what each attempt came to."""

    caller: Caller
    at_wall_ns: int

    def open(self, reservation: Reservation | None = None) -> Awaitable[None]:
        """Wait until it is durable that the call is under way and what this attempt may cost.

        Raises: RecordUnavailable; then nothing may be sent.
        """

    def settle(self, settlement: Settlement, *, may_go_on: bool = False) -> None:
        """Note what an attempt came to; it is written with the call's last row, and at once where that may be long to come."""


class Target(Protocol):
    """What can answer a call: a model's pool of workers, or a provider's operation."""

    name: str

    def start(self, call: Call, caller_id: str, deadline_ns: int, opening: Opening) -> Pending[Outcome]:
        """Begin one attempt; abandoning the pending result takes it out of the queue or discards its result.

        A target outside waits for `opening.open` before it sends anything; a model of our own needs it not.
        Raises: TargetError and Overloaded, through the pending result.
        """

    def predicted_wait_ns(self, rows: int) -> int:
        """How long a call of so many rows would wait before it starts, by what was measured of late."""

    def load(self) -> float:
        """About how many nanoseconds one more call would take now, to compare equals; infinite where it would be refused."""


class Reply(Struct, frozen=True):
    """What the edge sends: head, and a body or a stream of already encoded chunks.

    Shapes: `shared_headers` is one and the same tuple for many replies, so that an edge may keep it encoded.
    """

    status: int
    own_headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    chunks: Chunks | None = None
    shared_headers: tuple[tuple[str, str], ...] = ()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Every field of the head."""
        return self.shared_headers + self.own_headers


class Chunks(Protocol):
    """Encoded chunks of a streamed reply."""

    @property
    def keep_alive(self) -> bytes:
        """What an edge may write into a silence; empty where nothing fits."""

    def next(self) -> Pending[bytes | None]:
        """The next chunk; None after the last."""

    def abandon(self, defect: Exception | None = None) -> None:
        """The client went away: stop the work and settle what ran. `defect` is a failure of ours that cut the reply off instead."""


class Held(Struct, eq=False):
    """Gives back what a call holds, last taken first, exactly once, whatever happens; without a generator, which would cost more."""

    _releases: list[Callable[[], None]] = []

    def keep(self, release: Callable[[], None]) -> None:
        """Remember what gives something back."""
        self._releases.append(release)

    def hand_over(self) -> Held:
        """Move everything held to a new holder, which outlives this one (a stream's end)."""
        other = Held()
        other._releases, self._releases = self._releases, other._releases
        return other

    def release(self) -> None:
        """Give everything back now."""
        while self._releases:
            self._releases.pop()()
