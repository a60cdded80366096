"""Which waiting calls run next, and how many at once. No I/O, no clock, no event loop.

Rules:
- Callers take turns; within a caller the earliest deadline goes first.
- A batch counts rows, not calls, and bytes. A call that is more than a batch may hold goes alone.
- A batch never grows beyond what its most urgent member can wait for; a call that cannot make it anyway limits nobody.
- What was cancelled or has expired leaves before a batch is made.
- The queue is bounded in calls, rows and bytes, for all and for each caller.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, Protocol, TypeVar

from headworks.targets.models.settings import QueueSettings

NEW_WEIGHT = 0.1
MOST_BATCH_BYTES = 64 * 2**20
COMPACT_ABOVE = 64


class Waiting(Protocol):
    """What the queue needs to know of a call; `is_queued` is the queue's own mark."""

    caller_id: str
    deadline_ns: int
    rows: int
    size_bytes: int
    is_queued: bool


W = TypeVar("W", bound=Waiting)


class CostModel:
    """How long n rows take: a·n + b, fitted to what ran of late by least squares that forget.

    Before anything ran every cost is 0: the first batches are not held back.
    """

    __slots__ = ("_n", "_nn", "_nt", "_t", "fixed_ns", "is_known", "row_ns")

    def __init__(self) -> None:
        self._n = self._t = self._nn = self._nt = 0.0
        self.row_ns = 0.0
        self.fixed_ns = 0.0
        self.is_known = False

    def observe(self, rows: int, took_ns: int) -> None:
        """Learn from one batch."""
        weight = NEW_WEIGHT if self.is_known else 1.0
        self.is_known = True
        self._n += weight * (rows - self._n)
        self._t += weight * (took_ns - self._t)
        self._nn += weight * (rows * rows - self._nn)
        self._nt += weight * (rows * took_ns - self._nt)
        spread = self._nn - self._n * self._n
        if spread > 0.01 * self._nn:
            row_ns = (self._nt - self._n * self._t) / spread
        else:
            row_ns = self.row_ns if self.fixed_ns else self._t / max(self._n, 1.0)
        self.row_ns = min(max(row_ns, 0.0), self._t / max(self._n, 1.0))
        self.fixed_ns = max(self._t - self.row_ns * self._n, 0.0)

    def of_ns(self, rows: int) -> int:
        """What so many rows will take."""
        return int(self.row_ns * rows + self.fixed_ns)

    def rows_within(self, time_ns: int) -> int:
        """How many rows fit into a time; 0 when not even one does."""
        left_ns = time_ns - self.fixed_ns
        if left_ns < self.row_ns:
            return 0
        return int(left_ns / self.row_ns) if self.row_ns else 2**31


class _Line(Generic[W]):
    """One caller's waiting calls by deadline, and what they hold."""

    __slots__ = ("calls", "heap", "rows", "size_bytes")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, W]] = []
        self.calls = 0
        self.rows = 0
        self.size_bytes = 0


class Batcher(Generic[W]):
    """The waiting calls of one model.

    Cost: about 1.2 µs a call through `add` and `take`, one caller, equal timeouts.
    Safe under: one thread.
    """

    __slots__ = ("_bounds", "_dead", "_lines", "_order", "_share", "_turns", "calls", "cost", "rows", "size_bytes")

    def __init__(self, bounds: QueueSettings, cost: CostModel) -> None:
        self.cost = cost
        self.calls = 0
        self.rows = 0
        self.size_bytes = 0
        self._bounds = (bounds.max_calls, bounds.max_rows, bounds.max_bytes)
        share = bounds.caller_share
        self._share = tuple(max(1, int(bound * share)) for bound in self._bounds)
        self._lines: dict[str, _Line[W]] = {}
        self._turns: deque[str] = deque()
        self._order = 0
        self._dead = 0

    def add(self, entry: W) -> bool:
        """Queue a call; False when the queue, or the caller's share of it, is full."""
        rows, size_bytes, calls = entry.rows, entry.size_bytes, self.calls
        max_calls, max_rows, max_bytes = self._bounds
        if calls and (calls >= max_calls or self.rows + rows > max_rows or self.size_bytes + size_bytes > max_bytes):
            return False
        line = self._lines.get(entry.caller_id)
        if line is not None and line.calls:
            max_calls, max_rows, max_bytes = self._share
            if line.calls >= max_calls or line.rows + rows > max_rows or line.size_bytes + size_bytes > max_bytes:
                return False
        self._insert(entry, line)
        return True

    def put_back(self, entries: Iterable[W]) -> None:
        """Queue calls again that were taken but never started; no bound applies to them twice."""
        for entry in entries:
            self._insert(entry, self._lines.get(entry.caller_id))

    def drop(self, entry: W) -> None:
        """Take a call out of the queue; without effect once it has left."""
        if not entry.is_queued:
            return
        line = self._lines[entry.caller_id]
        self._forget(entry, line)
        self._dead += 1
        if self._dead > COMPACT_ABOVE and self._dead > self.calls:
            self._compact()

    def waiting(self) -> Iterator[W]:
        """The calls that wait, in no order."""
        return (item[2] for line in self._lines.values() for item in line.heap if item[2].is_queued)

    def take(self, most_rows: int, now_ns: int, start_ns: int) -> tuple[list[W], list[W]]:
        """The next batch, of at most so many rows, and the calls whose deadline has passed.

        Units: `start_ns` is when the batch is expected to begin.
        """
        batch: list[W] = []
        expired: list[W] = []
        taken_rows = taken_bytes = 0
        full_ns = self.cost.of_ns(most_rows)
        turns, lines = self._turns, self._lines
        while turns:
            line = lines[turns[0]]
            heap = line.heap
            if not heap:
                if len(turns) == 1:  # kept: the next call is most likely the same caller's
                    break
                del lines[turns.popleft()]
                continue
            deadline_ns, _, entry = heap[0]
            if not entry.is_queued:
                heappop(heap)
                self._dead -= 1
                continue
            if deadline_ns <= now_ns:
                heappop(heap)
                self._forget(entry, line)
                expired.append(entry)
                continue
            if deadline_ns - start_ns < full_ns:
                most_rows = self._limit(most_rows, deadline_ns - start_ns)
            rows, size_bytes = entry.rows, entry.size_bytes
            if batch and (taken_rows + rows > most_rows or taken_bytes + size_bytes > MOST_BATCH_BYTES):
                break
            heappop(heap)
            entry.is_queued = False
            line.calls -= 1
            line.rows -= rows
            line.size_bytes -= size_bytes
            batch.append(entry)
            taken_rows += rows
            taken_bytes += size_bytes
            if len(turns) > 1:
                turns.rotate(-1)
        self.calls -= len(batch)
        self.rows -= taken_rows
        self.size_bytes -= taken_bytes
        return batch, expired

    def _limit(self, most_rows: int, slack_ns: int) -> int:
        fits = self.cost.rows_within(slack_ns)
        return min(most_rows, fits) if fits else most_rows

    def _insert(self, entry: W, line: _Line[W] | None) -> None:
        if line is None:
            line = self._lines[entry.caller_id] = _Line()
            self._turns.append(entry.caller_id)
        self._order += 1
        heappush(line.heap, (entry.deadline_ns, self._order, entry))
        entry.is_queued = True
        rows, size_bytes = entry.rows, entry.size_bytes
        line.calls += 1
        line.rows += rows
        line.size_bytes += size_bytes
        self.calls += 1
        self.rows += rows
        self.size_bytes += size_bytes

    def _forget(self, entry: W, line: _Line[W]) -> None:
        entry.is_queued = False
        rows, size_bytes = entry.rows, entry.size_bytes
        line.calls -= 1
        line.rows -= rows
        line.size_bytes -= size_bytes
        self.calls -= 1
        self.rows -= rows
        self.size_bytes -= size_bytes

    def _compact(self) -> None:
        for caller_id in tuple(self._turns):
            line = self._lines[caller_id]
            line.heap = [item for item in line.heap if item[2].is_queued]
            heapify(line.heap)
            if not line.heap:
                del self._lines[caller_id]
                self._turns.remove(caller_id)
        self._dead = 0
