"""Logs: JSON lines, one a call and one an event, with request ids and without content; secrets are redacted.

Lines of calls are encoded together, and all are written in batches: `flush` is the event loop's to call, a few times a second.
What cannot be written in time is dropped and counted; nothing ever waits for a log.
"""

import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from headworks.units import MILLISECOND_NS, SECOND_NS, Clock, RequestId, iso_time
from headworks.watch.ended import Kind, Own

MOST_BUFFERED_BYTES = 4 * 2**20
LONGEST_TEXT = 8000
LONGEST_READ = 80_000
"""Texts are cut to this before they are redacted, so that no key survives cut in two, and to LONGEST_TEXT after."""
MOST_FRAMES = 20
MOST_KINDS = 2048
PROBES = frozenset(("/health/live", "/health/ready", "/metrics"))

Redact = Callable[[str], str]
Scalar = str | int | float | bool | None

_encoder = msgspec.json.Encoder()
_encode = _encoder.encode
_MILLISECONDS = [f"{number:03d}Z" for number in range(1000)]


class Sink(Protocol):
    """Where lines go."""

    def offer(self, batch: bytes, /) -> bool:
        """Take whole lines, without waiting; False when earlier ones are still being written."""


class OwnFacts(Struct, frozen=True, gc=False):
    """What is logged of one call alone; its line starts with it."""

    time: str
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
    Cost: about 0.5 µs a call when a hundred are logged together.
    Safe under: one thread.
    """

    def __init__(self, sink: Sink, redact: Redact, clock: Clock, *, has_calls: bool = True) -> None:
        self._sink = sink
        self._redact = redact
        self._clock = clock
        self._has_calls = has_calls
        self._lines: list[bytes] = []
        self._size_bytes = 0
        self._known: dict[Kind, bytes] = {}
        self._untold = 0
        self.dropped = 0

    def calls(self, kind: Kind, own: Own) -> None:
        """Log calls of one kind that ended; failures of ours are warnings. Probes that went well are not logged."""
        if not self._has_calls or (kind.route in PROBES and kind.status < 400):
            return
        repeated = self._known.get(kind) or self._learn(kind)
        told = own.client_request_id
        if any(told):
            told = tuple(None if text is None else self._safe(text) for text in told)
        facts = map(OwnFacts, map(_time, own.at_wall_ns), own.request_id, told, *own[Own._fields.index("rows") :])
        lines = _encoder.encode_lines(list(facts)).replace(b"}\n", repeated)
        self._keep(lines[:-1], len(told))

    def _learn(self, kind: Kind) -> bytes:
        """What the lines of such calls repeat, encoded once: the end of each."""
        if len(self._known) >= MOST_KINDS:
            self._known.clear()
        level = "info" if kind.status < 500 else "warning"
        facts = {"level": level, "event": "call", **kind._asdict()}
        repeated = self._known[kind] = b"," + _encode(facts)[1:] + b"\n"
        return repeated

    def failure(self, request_id: RequestId, error: BaseException) -> None:
        """Log what only the log may know of a failure: its kind, its words and where it happened."""
        frames = traceback.TracebackException.from_exception(error, limit=-MOST_FRAMES)
        trace = self._redact("".join(frames.format())[-LONGEST_READ:])[-LONGEST_TEXT:]
        reason = str(getattr(error, "reason", ""))
        self.event("failure", "error", request_id=request_id, kind=type(error).__name__, reason=reason, trace=trace)

    def unforeseen(self, _: object, context: Mapping[str, Any]) -> None:
        """Log what nothing caught in the event loop, whose exception handler this is: as a line like others, redacted."""
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.failure(RequestId(""), error)
        else:
            self.event("failure", "error", request_id="", reason=str(context.get("message", "")))

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

    def _keep(self, text: bytes, lines: int = 1) -> None:
        if self._size_bytes >= MOST_BUFFERED_BYTES:
            self.dropped += lines
            self._untold += lines
            return
        self._lines.append(text)
        self._size_bytes += len(text)

    def _safe(self, text: str) -> str:
        redacted = self._redact(text[:LONGEST_READ])[:LONGEST_TEXT]
        return redacted.encode("utf-8", "replace").decode()


def _time(wall_ns: int) -> str:
    return _second(wall_ns // SECOND_NS) + _MILLISECONDS[wall_ns // MILLISECOND_NS % 1000]


@lru_cache(maxsize=16)
def _second(wall_s: int) -> str:
    """A time up to its second, with the point after it."""
    return iso_time(wall_s * SECOND_NS)[:-4]
