"""Logs: JSON lines, one a call and one an event, with request ids and without content; secrets are redacted.

A line is encoded when it happens and written in batches: `flush` is the event loop's to call, a few times a second.
What cannot be written in time is dropped and counted; nothing ever waits for a log.
"""

import traceback
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

from headworks.ports import Entry
from headworks.units import MILLISECOND_NS, Clock, RequestId, iso_time

MOST_BUFFERED_BYTES = 4 * 2**20
LONGEST_TEXT = 8000
LONGEST_READ = 80_000
"""Texts are cut to this before they are redacted, so that no key survives cut in two, and to LONGEST_TEXT after."""
MOST_FRAMES = 20
MOST_KINDS = 2048
PROBES = frozenset(("/health/live", "/health/ready", "/metrics"))

Redact = Callable[[str], str]
Kind = tuple[int, str, str, str, str, int, str, str, str, int]
KIND = (
    "status", "caller", "via", "route", "endpoint", "version", "target", "model_version", "outcome", "attempts",
)  # fmt: skip
"""What the calls of one caller to one version, with one outcome, have in common."""
Scalar = str | int | float | bool | None

_encode = msgspec.json.Encoder().encode
_MILLISECONDS = [b'%03dZ"' % number for number in range(1000)]


class Sink(Protocol):
    """Where lines go."""

    def offer(self, batch: bytes, /) -> bool:
        """Take whole lines, without waiting; False when earlier ones are still being written."""


class OwnFacts(Struct, frozen=True, gc=False):
    """What is logged of one call alone."""

    request_id: str
    client_request_id: str | None
    rows: int
    batch_rows: int
    input_bytes: int
    output_bytes: int
    queue_us: int
    run_us: int
    total_us: int


class Logs:
    """Lines waiting to be written.

    Bounded: 4 MiB; beyond that lines are dropped, and the next batch says how many.
    Cost: about 1 µs a call.
    Safe under: one thread.
    """

    def __init__(self, sink: Sink, redact: Redact, clock: Clock, *, has_calls: bool = True) -> None:
        self._sink = sink
        self._redact = redact
        self._clock = clock
        self._has_calls = has_calls
        self._lines: list[bytes] = []
        self._size_bytes = 0
        self._second = -1
        self._prefix = b""
        self._known: dict[Kind, bytes] = {}
        self._untold = 0
        self.dropped = 0

    def call(self, entry: Entry) -> None:
        """Log one call that ended; failures of ours are warnings. Probes that went well are not logged."""
        if not self._has_calls:
            return
        millisecond = entry.at_wall_ns // MILLISECOND_NS
        second = millisecond // 1000
        if second != self._second:
            self._second, self._prefix = second, b'{"time":"%b' % iso_time(entry.at_wall_ns)[:-4].encode()
        kind = (
            entry.status, entry.caller_id, entry.via, entry.route, entry.endpoint, entry.version, entry.target,
            entry.model_version, entry.outcome, entry.attempts,
        )  # fmt: skip
        repeated = self._known.get(kind)
        if repeated is None:
            repeated = self._learn(kind)
        if not repeated:
            return
        told = entry.client_request_id
        own = OwnFacts(
            entry.request_id, None if told is None else self._safe(told), entry.rows, entry.batch_rows,
            entry.input_bytes, entry.output_bytes, entry.queue_us, entry.run_us, entry.total_us,
        )  # fmt: skip
        self._keep(self._prefix + _MILLISECONDS[millisecond % 1000] + repeated + _encode(own)[1:])

    def _learn(self, kind: Kind) -> bytes:
        """What the lines of such calls repeat, encoded once; nothing when they are not logged."""
        if len(self._known) >= MOST_KINDS:
            self._known.clear()
        facts = dict(zip(KIND, kind, strict=True))
        level = "info" if kind[0] < 500 else "warning"
        is_told = facts["route"] not in PROBES or kind[0] >= 400
        known = b"," + _encode({"level": level, "event": "call", **facts})[1:-1] + b"," if is_told else b""
        self._known[kind] = known
        return known

    def failure(self, request_id: RequestId, error: BaseException) -> None:
        """Log what only the log may know of a failure: its kind, its words and where it happened."""
        frames = traceback.TracebackException.from_exception(error, limit=-MOST_FRAMES)
        trace = self._redact("".join(frames.format())[-LONGEST_READ:])[-LONGEST_TEXT:]
        reason = str(getattr(error, "reason", ""))
        self.event("failure", "error", request_id=request_id, kind=type(error).__name__, reason=reason, trace=trace)

    def event(self, event: str, level: str = "info", /, **facts: Scalar) -> None:
        """Log something that happened to the service; texts are redacted and cut."""
        safe = {name: self._safe(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        line: Mapping[str, Scalar] = {"time": iso_time(self._clock.wall_ns()), "level": level, "event": event, **safe}
        self._keep(_encode(line))

    def flush(self) -> None:
        """Hand over what waits, unless the sink is still busy."""
        if not self._lines:
            return
        if not self._sink.offer(b"\n".join(self._lines) + b"\n"):
            return
        self._lines.clear()
        self._size_bytes = 0
        if self._untold:
            self.event("log_lines_dropped", "warning", count=self._untold)
            self._untold = 0

    def _keep(self, line: bytes) -> None:
        if self._size_bytes >= MOST_BUFFERED_BYTES:
            self.dropped += 1
            self._untold += 1
            return
        self._lines.append(line)
        self._size_bytes += len(line)

    def _safe(self, text: str) -> str:
        redacted = self._redact(text[:LONGEST_READ])[:LONGEST_TEXT]
        return redacted.encode("utf-8", "replace").decode()
