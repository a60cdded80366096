"""A front without sockets, workers and files: from the bytes of a request to the bytes of its reply, counted.

The connections, heads, keys, limits, contracts, story, metrics and log lines are the real ones. What stands behind them
is a filling: `bench.front` puts a model of our own there, `bench.through` a service outside.
What is under way is answered when the round is over, so that 64 calls turn the caches over as they do under load.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from headworks.edge.front import Front
from headworks.edge.gate import Gate
from headworks.edge.h1 import Connection
from headworks.edge.limits import Bind
from headworks.identity.key_text import mint
from headworks.identity.keys import CallerDefaults, LiveKeys
from headworks.identity.pepper import Peppers
from headworks.identity.rows import Changes, KeyRow
from headworks.identity.terms import Terms
from headworks.pending import Pending
from headworks.ports import Parts
from headworks.settings import Config
from headworks.units import Rate
from headworks.watch.logs import Logs
from headworks.watch.metrics import Metrics
from headworks.watch.watch import LoggedWatch

CONNECTIONS = 64
ROUNDS_A_FLUSH = 12
COLLECT_AFTER = 50_000, 20, 50
WARM_UP = 640
FEW, MANY = 1_024, 3_072
KEY_RATE = Rate(1e6, 1.0)


class Filling(Protocol):
    """What stands behind the front.

    Units: `tick_ns` is how far time goes on by a look at it, so that a call takes as long as it does on a busy front.
    """

    tick_ns: int

    def parts(self, keys: LiveKeys, watch: LoggedWatch, clock: Ticking) -> Parts:
        """What the story needs."""

    def requests(self, key: str) -> Sequence[bytes]:
        """What each connection sends, again and again."""

    def answer(self) -> None:
        """Everything that calls under way wait for, in order."""


class Ticking:
    """Time that goes on by as much at each look, however slowly the front is run."""

    def __init__(self, tick_ns: int) -> None:
        self.monotonic_ns = count(10**15, tick_ns).__next__
        self.wall_ns = count(1_800_000_000 * 10**9, 2 * tick_ns).__next__


class Transport:
    """Takes replies and drops them."""

    def __init__(self) -> None:
        self.replies = 0
        self.last = b""

    def write(self, data: bytes) -> None:
        self.replies += 1
        self.last = data

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.1", 40000) if name == "peername" else None

    def is_closing(self) -> bool:
        return False


class Store:
    """One key."""

    def __init__(self, row: KeyRow) -> None:
        self.row = row

    def changes(self, since: int) -> Changes:
        return Changes(1, () if since else (self.row,))

    def touch(self, uses: object) -> Pending[None]:
        return Pending()


class Sink:
    """Takes log lines and drops them."""

    def offer(self, batch: bytes) -> bool:
        return True


class Drive:
    """Sixty-four connections to one front, and one key."""

    def __init__(self, filling: Filling) -> None:
        clock = Ticking(filling.tick_ns)
        peppers = Peppers("00000001", {"00000001": b"p" * 32})
        key = mint("hw", "live", os.urandom)
        text = key.reveal()
        digest = peppers.digest("00000001", text.encode())
        row = KeyRow(key.key_id, "bench", "hw", digest, "00000001", Terms(rate=KEY_RATE), 0)
        keys = LiveKeys(Store(row), peppers, clock, CallerDefaults())  # type: ignore[arg-type]  # what it uses of a store
        keys.refresh()
        self.watch = LoggedWatch(Metrics(), Logs(Sink(), lambda words: words, clock))
        self._filling = filling
        service = SimpleNamespace(config=Config(), clock=clock, parts=filling.parts(keys, self.watch, clock))
        gate = Gate(Front(service), Bind(), clock)  # type: ignore[arg-type]  # what it uses of a service
        self.links = []
        for _ in range(CONNECTIONS):
            connection, transport = Connection(gate), Transport()
            connection.connection_made(transport)  # type: ignore[arg-type]  # what it uses of a transport
            self.links.append((connection, transport))
        self.requests = filling.requests(text)

    def round(self, number: int) -> None:
        """One call on every connection, all under way at once."""
        for (connection, _), request in zip(self.links, self.requests, strict=True):
            connection.data_received(request)
        self._filling.answer()
        if number % ROUNDS_A_FLUSH == 0:
            self.watch.flush()

    def run(self, calls: int) -> None:
        """So many calls; each must have been answered well."""
        before = sum(transport.replies for _, transport in self.links)
        for number in range(calls // CONNECTIONS):
            self.round(number)
        answered = sum(transport.replies for _, transport in self.links) - before
        if answered != calls // CONNECTIONS * CONNECTIONS or not self.links[0][1].last.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{answered} answers of {calls}, the last {self.links[0][1].last!r}")


Make = Callable[[], Filling]


def steps(make: Make, calls: int = 768) -> Counter[str]:
    """How many steps of the interpreter each function takes in so many calls."""
    drive = Drive(make())
    drive.run(WARM_UP)
    seen: Counter[str] = Counter()

    def traced(frame: Any, event: str, argument: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            seen[_name(frame)] += 1
        return traced

    sys.settrace(traced)
    drive.run(calls)
    sys.settrace(None)
    return seen


def entered(make: Make, calls: int = 640) -> Counter[str]:
    """How often each function is entered in so many calls; those in C start with `C `."""
    drive = Drive(make())
    drive.run(WARM_UP)
    seen: Counter[str] = Counter()

    def _entered(frame: Any, event: str, argument: object) -> None:
        if event == "call":
            seen[_name(frame)] += 1
        elif event == "c_call":
            seen[f"C {getattr(argument, '__qualname__', argument)} < {frame.f_code.co_name}"] += 1

    sys.setprofile(_entered)
    drive.run(calls)
    sys.setprofile(None)
    return seen


def left_behind(make: Make, calls: int = 640) -> Counter[str]:
    """What only the collector can take away again, by type: reference cycles that calls leave."""
    drive = Drive(make())
    drive.run(WARM_UP)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    drive.run(calls)
    gc.collect()
    gc.set_debug(0)
    gc.enable()
    left, gc.garbage[:] = Counter(type(each).__name__ for each in gc.garbage), []
    return left


def instructions(module: str, calls: int) -> int:
    """Instructions of a process that makes so many calls, as valgrind counts them."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", sys.executable, "-m", module]
        done = subprocess.run(
            [*command, "--calls", str(calls)],
            env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(done.stderr[-2000:])
    return int(found[1])


def main(module: str, about: str, make: Make) -> None:
    """Print the figures of one filling."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about.partition("\n")[0])
    parser.add_argument("--calls", type=int, help="only make so many calls")
    parser.add_argument(
        "--watched",
        action="store_true",
        help="with --calls under `valgrind --tool=callgrind --instr-atstart=no`: count these calls alone",
    )
    parser.add_argument("--names", action="store_true", help="which functions are entered, and their steps")
    asked = parser.parse_args()
    if asked.calls is not None:
        _only_run(Drive(make()), asked.calls, is_watched=asked.watched)
        return
    seen = entered(make)
    python = sum(often for name, often in seen.items() if not name.startswith("C "))
    print(f"Python calls a call: {python / 640:.1f}; C calls: {(seen.total() - python) / 640:.1f}")
    left = {name: often / 640 for name, often in left_behind(make).items()}
    print(f"left to the collector a call: {left or 'nothing'}")
    if asked.names:
        for name, often in seen.most_common(160):
            print(f"  {often / 640:6.2f}  {name}")
        for name, often in steps(make).most_common(100):
            print(f"  {often / 768:6.1f}  {name}")
        return
    print(f"instructions a call: {(instructions(module, MANY) - instructions(module, FEW)) / (MANY - FEW):.0f}")


def _only_run(drive: Drive, calls: int, *, is_watched: bool) -> None:
    gc.freeze()  # as `headworks serve` does
    gc.set_threshold(*COLLECT_AFTER)
    if is_watched:
        drive.run(WARM_UP)
        _watch("on")
        drive.run(calls)
        _watch("off")
        return
    rounds = sorted(_timed_us(drive, number) for number in range(calls // CONNECTIONS))
    good, middle = rounds[len(rounds) // 10], rounds[len(rounds) // 2]
    drive.run(CONNECTIONS)
    print(f"{good:.1f} us a call in a good round, {middle:.1f} in the middle one")


def _timed_us(drive: Drive, number: int) -> float:
    began = time.process_time()
    drive.round(number)
    return 1e6 * (time.process_time() - began) / CONNECTIONS


def _watch(whether: str) -> None:
    subprocess.run(["callgrind_control", "-i", whether, str(os.getpid())], check=True, stdout=subprocess.DEVNULL)


def _name(frame: Any) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"
