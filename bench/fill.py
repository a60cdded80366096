"""Fill a home's record through its own writer: `python fill.py HOME ROWS`, run by the interpreter that has Headworks.

Every row is what a call of S1 leaves behind: encrypted input and output, a leaf, its place in the tree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from headworks.recording import Entry
from headworks.records.ledger import Ledger
from headworks.records.settings import RecordSettings
from headworks.units import RequestIds, SystemClock

MOST_WAITING = 2048
INPUT = b'{"x": [' + b", ".join([b"17.99"] * 30) + b"]}"
OUTPUT = b'{"score":603.8555202499999}'


class Filler:
    """Keeps the writer busy with a bounded number of entries."""

    def __init__(self, home: Path) -> None:
        self.clock = SystemClock()
        self.arrived: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.ledger = Ledger.start(RecordSettings(home=home), self.clock, self.arrived.put)
        self.new_id = RequestIds(self.clock)
        self.waiting = 0

    def fill(self, rows: int) -> None:
        """Commit so many entries; returns when all are durable."""
        for _ in range(rows):
            while self.waiting >= MOST_WAITING:
                self.arrived.get()()
            self.waiting += 1
            pending = self.ledger.commit(self.entry())
            pending.when_done(self.done)
        while self.waiting:
            self.arrived.get()()
        self.ledger.stop()

    def entry(self) -> Entry:
        """One finished call."""
        return Entry(
            self.new_id(),
            self.clock.wall_ns(),
            "/api/{endpoint}/v{version}",
            caller_id="bench",
            endpoint="dot",
            version=1,
            target="dot",
            model_version="fill",
            status=200,
            outcome="ok",
            attempts=1,
            rows=1,
            batch_rows=1,
            input_bytes=len(INPUT),
            output_bytes=len(OUTPUT),
            input=(INPUT,),
            output=OUTPUT,
        )

    def done(self) -> None:
        """One entry is durable."""
        self.waiting -= 1


if __name__ == "__main__":
    Filler(Path(sys.argv[1])).fill(int(sys.argv[2]))
