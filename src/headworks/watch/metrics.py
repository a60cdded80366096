"""Numbers for /metrics: counters and histograms of calls, readings of everything else, in Prometheus' text format.

Labels are route templates, endpoints, versions and outcomes only: never a path, a key or anything a caller chose.

Source: Prometheus text exposition format 0.0.4.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import inf
from operator import truediv

from msgspec import Struct

from headworks.watch.ended import Kind, Own

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
MOST_CELLS = 2000
MOST_WORKS = 200
MOST_READINGS = 1000
OTHER = "other"
DURATION_BOUNDS_US = (
    *(500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000),
    *(250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000),
)
_ANSWERED = frozenset({"ok", "replayed"})
ROW_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

Readings = float | Iterable[tuple[Mapping[str, str], float]]


class Histogram:
    """Counts by upper bound, and their sum; the last count is of what exceeds every bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def add(self, values: Sequence[int]) -> None:
        """Count some values."""
        self.total += sum(values)
        ordered, below = sorted(values), 0
        for position, bound in enumerate(self.bounds):
            if below == len(ordered):
                return
            within = bisect_right(ordered, bound)
            self.counts[position] += within - below
            below = within
        self.counts[-1] += len(ordered) - below


class Counted(Struct, frozen=True):
    """What was counted of one version of one endpoint, by whatever way its calls came.

    Units: durations are sums; `last_wall_ns` is 0 before the first call.
    Shapes: `ok_rows` are of the calls that were answered; `served`, `queue_us`, `run_us` and `batches` of those that reached a model.
    """

    ok: int
    ok_us: int
    ok_rows: int
    failed: int
    failed_us: int
    served: int
    queue_us: int
    run_us: int
    batches: int
    last_wall_ns: int


class _Work:
    """What is measured of one version of one endpoint, whatever the outcome."""

    __slots__ = ("batch", "batches", "duration", "input_bytes", "labels", "output_bytes", "queue", "rows", "run")

    def __init__(self, route: str, endpoint: str, version: int) -> None:
        self.labels = _labels({"route": route, "endpoint": endpoint, "version": f"v{version}" if version else ""})
        self.duration = Histogram(DURATION_BOUNDS_US)
        self.queue = Histogram(DURATION_BOUNDS_US)
        self.run = Histogram(DURATION_BOUNDS_US)
        self.batch = Histogram(ROW_BOUNDS)
        self.batches = 0.0
        self.rows = self.input_bytes = self.output_bytes = 0


class _Cell:
    """How often one outcome was had; `work` is shared by the outcomes of one version."""

    __slots__ = ("count", "last_wall_ns", "rows", "total_us", "work")

    def __init__(self, work: _Work) -> None:
        self.count = self.rows = self.total_us = self.last_wall_ns = 0
        self.work = work


class Metrics:
    """Everything counted and read.

    Bounded: beyond 200 routes with endpoint and version, or 2000 outcomes of those, all is counted under `other`.
    Cost: about 0.2 µs a call when a hundred are counted together; a page takes about 0.1 ms a route with endpoint and
    version.
    Safe under: one thread.
    """

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str, int, str], _Cell] = {}
        self._works: dict[tuple[str, str, int], _Work] = {}
        self._readings: list[tuple[str, str, str, Callable[[], Readings]]] = []

    def count(self, kind: Kind, own: Own) -> None:
        """Count calls of one kind that ended."""
        cell = self._cells.get((kind.route, kind.endpoint, kind.version, kind.outcome)) or self._open(kind)
        rows = sum(own.rows)
        cell.count += len(own.rows)
        cell.rows += rows
        cell.total_us += sum(own.total_us)
        cell.last_wall_ns = max(cell.last_wall_ns, *own.at_wall_ns)
        work = cell.work
        work.duration.add(own.total_us)
        served = own if all(own.batch_rows) else _served(own)
        work.queue.add(served.queue_us)
        work.run.add(served.run_us)
        work.batch.add(served.batch_rows)
        work.batches += sum(map(truediv, served.rows, served.batch_rows))
        work.rows += rows
        work.input_bytes += sum(own.input_bytes)
        work.output_bytes += sum(own.output_bytes)

    def read(self, name: str, text: str, read: Callable[[], Readings], kind: str = "gauge") -> None:
        """Publish what `read` gives when the page is asked for: one number, or numbers with labels.

        `kind` is gauge, or counter for what only grows (its name ends in _total). A reading that raises OSError is
        left out of that page.
        """
        self._readings.append((name, text, kind, read))

    def counted(self, endpoint: str, version: int) -> Counted:
        """What was counted of one version since the start."""
        cells = [(key[3] in _ANSWERED, cell) for key, cell in self._cells.items() if key[1:3] == (endpoint, version)]
        answered = [cell for is_answered, cell in cells if is_answered]
        failed = [cell for is_answered, cell in cells if not is_answered]
        works = [work for key, work in self._works.items() if key[1:] == (endpoint, version)]
        return Counted(
            ok=sum(cell.count for cell in answered),
            ok_us=sum(cell.total_us for cell in answered),
            ok_rows=sum(cell.rows for cell in answered),
            failed=sum(cell.count for cell in failed),
            failed_us=sum(cell.total_us for cell in failed),
            served=sum(sum(work.queue.counts) for work in works),
            queue_us=sum(work.queue.total for work in works),
            run_us=sum(work.run.total for work in works),
            batches=round(sum(work.batches for work in works)),
            last_wall_ns=max((cell.last_wall_ns for _, cell in cells), default=0),
        )

    def page(self) -> bytes:
        """The whole page."""
        return "".join((*self._calls(), *self._read())).encode()

    def _open(self, kind: Kind) -> _Cell:
        key = (kind.route, kind.endpoint, kind.version, kind.outcome)
        work = self._works.get(key[:3])
        if len(self._cells) >= MOST_CELLS or (work is None and len(self._works) >= MOST_WORKS):
            key = (OTHER, "", 0, OTHER)
            work = self._works.get(key[:3])
        if work is None:
            work = self._works[key[:3]] = _Work(*key[:3])
        return self._cells.setdefault(key, _Cell(work))

    def _calls(self) -> Iterator[str]:
        yield _head("headworks_requests_total", "Calls that ended, by outcome: ok or the error's code.", "counter")
        for (*_, outcome), cell in self._cells.items():
            labels = f"{cell.work.labels},{_labels({'outcome': outcome})}"
            yield _line("headworks_requests_total", labels, cell.count)
        works = list(self._works.values())
        served = [work for work in works if sum(work.batch.counts)]
        for name, text, durations in (
            ("request", "From the arrival of a call to its answer.", [(w.labels, w.duration) for w in works]),
            ("queue", "Waiting for a worker.", [(w.labels, w.queue) for w in served]),
            ("model", "Inside the model, for the whole batch.", [(w.labels, w.run) for w in served]),
        ):
            yield from _histograms(f"headworks_{name}_duration_seconds", text, durations, 1e6)
        batches = [(w.labels, w.batch) for w in served]
        yield from _histograms("headworks_batch_rows", "Rows of the batch a call was part of.", batches, 1)
        for name, text, totals in (
            ("rows", "Rows sent.", [(w.labels, w.rows) for w in works]),
            ("request_bytes", "Bytes of input.", [(w.labels, w.input_bytes) for w in works]),
            ("reply_bytes", "Bytes of output.", [(w.labels, w.output_bytes) for w in works]),
        ):
            yield _head(f"headworks_{name}_total", text, "counter")
            yield from (_line(f"headworks_{name}_total", labels, total) for labels, total in totals)

    def _read(self) -> Iterator[str]:
        for name, text, kind, read in self._readings:
            try:
                found = read()
                samples = [("", float(found))] if isinstance(found, int | float) else list(_bounded(found))
            except OSError:
                continue
            yield _head(name, text, kind)
            yield from (_line(name, labels, value) for labels, value in samples)


def _served(own: Own) -> Own:
    """Those calls that reached a model."""
    calls = [call for call in zip(*own, strict=True) if call[Own._fields.index("batch_rows")]]
    return Own(*zip(*calls, strict=True)) if calls else Own(*((),) * len(Own._fields))


def _bounded(found: Iterable[tuple[Mapping[str, str], float]]) -> Iterator[tuple[str, float]]:
    for labels, value in islice(found, MOST_READINGS):
        yield _labels(labels), float(value)


def _histograms(name: str, text: str, found: list[tuple[str, Histogram]], scale: float) -> Iterator[str]:
    yield _head(name, text, "histogram")
    for labels, histogram in found:
        below = 0
        for bound, count in zip((*histogram.bounds, inf), histogram.counts, strict=True):
            below += count
            shown = "+Inf" if bound == inf else f"{bound / scale:g}"
            yield f'{name}_bucket{{{labels},le="{shown}"}} {below}\n'
        yield _line(f"{name}_sum", labels, histogram.total / scale)
        yield _line(f"{name}_count", labels, below)


def _head(name: str, text: str, kind: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {escaped}\n# TYPE {name} {kind}\n"


def _line(name: str, labels: str, value: float) -> str:
    shown = repr(int(value)) if abs(value) < 2**53 and value == int(value) else repr(value)
    return f"{name}{{{labels}}} {shown}\n" if labels else f"{name} {shown}\n"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
