"""What a call costs the writer: batches through the record's desk and SQLite, without the thread.

    python -m bench.desk                          # instructions a call (valgrind): a model of our own, and the gateway
    python -m bench.desk --kind gateway --names   # functions entered, by call
    python -m bench.desk --kind gateway --calls 20000   # a loop to look at with a profiler

Rows, sealing, tree, money and the files are the real ones, in a fresh home. A call of a model of our own is one row; one
through the gateway is an opened row and, a batch or two later, its closed one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from bench.answering import ANSWER
from bench.driver import Ticking
from bench.gateways import BODY
from headworks.costs import Reservation, Settlement, Usage
from headworks.pending import Pending
from headworks.recording import Entry, Opened
from headworks.records.desk import RecordDesk
from headworks.records.refusals import Refusals
from headworks.records.sealing import Put
from headworks.records.settings import RecordSettings
from headworks.stores.sqlite import connect
from headworks.stores.work import File
from headworks.units import RequestId

ROWS_A_BATCH = 18
FEW, MANY = 1_800, 5_400
ACCOUNT = (("all|service", "2026-11-27"),)


class Books:
    """A desk on a fresh home."""

    def __init__(self, home: Path) -> None:
        settings = RecordSettings(home=home)
        self._desk = RecordDesk(settings, Ticking(15_000), Refusals(settings), None)  # type: ignore[arg-type]  # what it uses of a clock
        files: dict[File, apsw.Connection] = {
            name: connect(home / f"{name}.db", settings.durable) for name in ("records", "keys")
        }
        self._records = files["records"]
        self._desk.load(files)
        self._numbers = count()
        self._under_way: deque[tuple[Opened, Reservation]] = deque()

    def own(self) -> None:
        """A batch of calls of a model of our own."""
        self._write([Put(Pending(), "call", self._entry()) for _ in range(ROWS_A_BATCH)])

    def gateway(self) -> None:
        """A batch of as many opened rows as closed ones, of calls opened before."""
        puts: list[Put] = []
        for _ in range(ROWS_A_BATCH // 2):
            if len(self._under_way) >= ROWS_A_BATCH:
                puts.append(self._closed(*self._under_way.popleft()))
            entry, number = self._entry(), next(self._numbers)
            opened = Opened(entry.request_id)
            entry.status, entry.output, entry.target = 0, b"", ""
            entry.reservation = Reservation(number, 2_600, ACCOUNT, 4096, "up/any-model")
            self._under_way.append((opened, entry.reservation))
            puts.append(Put(Pending(), "opened", entry, opened))
        self._write(puts)

    def _closed(self, opened: Opened, reservation: Reservation) -> Put:
        entry = self._entry()
        entry.settled = (Settlement(reservation, 32),)
        entry.usage, entry.cost_micros = Usage(15, 48), 32
        return Put(Pending(), "closed", entry, opened)

    def _entry(self) -> Entry:
        request_id = RequestId(f"01mcc5rmvqjphfb92c1{next(self._numbers):08d}")
        entry = Entry(request_id, 1_795_780_800 * 10**9, "/v1/chat/completions", "http", "eIUWvU0o", None, "chat", 1)
        entry.target, entry.model_version, entry.status, entry.outcome, entry.attempts = (
            "up/any-model",
            "1",
            200,
            "ok",
            1,
        )
        entry.input, entry.output, entry.input_bytes, entry.output_bytes = (BODY.encode(),), ANSWER.encode(), 97, 471
        return entry

    def _write(self, puts: list[Put]) -> None:
        desk, records = self._desk, self._records
        desk.prepare(list(puts))
        records.execute("BEGIN IMMEDIATE")
        desk.write(records)
        records.execute("COMMIT")
        for pending, value, error in desk.committed():
            if error is not None:
                raise error
            pending.resolve(value)


def run(kind: str, calls: int, home: Path) -> float:
    """So many calls; the CPU time of one in microseconds."""
    books = Books(home)
    batch: Callable[[], None] = getattr(books, kind)
    per_batch = ROWS_A_BATCH if kind == "own" else ROWS_A_BATCH // 2
    for _ in range(20):
        batch()
    began = time.process_time()
    for _ in range(calls // per_batch):
        batch()
    return 1e6 * (time.process_time() - began) / calls


def instructions(kind: str, calls: int) -> int:
    """Instructions of a process that writes so many calls, as valgrind counts them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={folder}/out",
            sys.executable,
            "-m",
            "bench.desk",
        ]
        done = subprocess.run(
            [*command, "--kind", kind, "--calls", str(calls)], capture_output=True, text=True, check=True
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(done.stderr[-2000:])
    return int(found[1])


def entered(kind: str, calls: int, home: Path) -> Counter[str]:
    """How often each function is entered; those in C start with `C `."""
    seen: Counter[str] = Counter()

    def _entered(frame: Any, event: str, argument: object) -> None:
        if event == "call":
            seen[f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"] += 1
        elif event == "c_call":
            seen[f"C {getattr(argument, '__qualname__', argument)} < {frame.f_code.co_name}"] += 1

    sys.setprofile(_entered)
    run(kind, calls, home)
    sys.setprofile(None)
    return seen


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk", description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", choices=("own", "gateway"))
    parser.add_argument("--calls", type=int, help="only write so many calls")
    parser.add_argument("--names", action="store_true", help="which functions are entered")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.calls is not None:
            print(f"{run(asked.kind or 'gateway', asked.calls, Path(folder)):.1f} us a call")
            return
        if asked.names:
            for name, often in entered(asked.kind or "gateway", 900, Path(folder)).most_common(80):
                print(f"  {often / 900:6.2f}  {name}")
            return
    for kind in (asked.kind,) if asked.kind else ("own", "gateway"):
        print(f"{kind}: {(instructions(kind, MANY) - instructions(kind, FEW)) / (MANY - FEW):.0f} instructions a call")


if __name__ == "__main__":
    main()
