"""What a call costs the front's own code: edge and policy, in one process, without sockets, workers and files.

    python -m bench.front                 # instructions a call (valgrind), and Python calls a call
    python -m bench.front --calls 64000   # a loop to look at with a profiler

Everything from the bytes of a request to the bytes of its reply is the real code of `s1`: connections, heads, keys,
limits, contract, story, metrics, log lines. The model and the ledger are stand-ins that answer when the round is over,
so that 64 calls are under way at once and turn the caches over as they do under load.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.servers import ROW
from headworks.contract.schema import contract_from
from headworks.edge.front import Front
from headworks.edge.gate import Gate
from headworks.edge.h1 import Connection
from headworks.edge.limits import Bind
from headworks.identity.key_text import mint
from headworks.identity.keys import CallerDefaults, LiveKeys
from headworks.identity.pepper import Peppers
from headworks.identity.rows import Changes, KeyRow
from headworks.identity.terms import Terms
from headworks.limits.memory import MemoryLimits
from headworks.pending import Pending
from headworks.ports import Parts
from headworks.publish import Published
from headworks.request.arrive import Routes
from headworks.routes import table
from headworks.settings import Config
from headworks.units import Rate
from headworks.values import Endpoint, Outcome, TargetChoice
from headworks.watch.logs import Logs
from headworks.watch.metrics import Metrics
from headworks.watch.watch import LoggedWatch
from headworks.ways import dialects, refusals

CONNECTIONS = 64
BATCH = 28
ROUNDS_A_FLUSH = 12
COLLECT_AFTER = 50_000, 20, 50
FEW, MANY = 1_024, 3_072
REQUEST = {
    "type": "object",
    "properties": {"x": {"type": "array", "items": {"type": "number"}, "minItems": 30, "maxItems": 30}},
    "required": ["x"],
    "additionalProperties": False,
}
REPLY = {"type": "object", "properties": {"score": {"type": "number"}}, "required": ["score"]}


class Ticking:
    """Time that goes on by as much at each look as a busy front's does, however slowly it is run."""

    def __init__(self) -> None:
        self.monotonic_ns = count(10**15, 15_000).__next__
        self.wall_ns = count(1_800_000_000 * 10**9, 30_000).__next__


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


class Model:
    """A pool that answers the calls it was given in batches, when it is told to."""

    name = "dot"

    def __init__(self) -> None:
        self.waiting: list[Pending[Outcome]] = []
        self.plan = self

    def find(self, name: str, task: str | None) -> Model:
        return self

    def predicted_wait_ns(self, rows: int) -> int:
        return 200_000

    def start(self, call: object, caller_id: str, deadline_ns: int, opening: object) -> Pending[Outcome]:
        pending: Pending[Outcome] = Pending()
        self.waiting.append(pending)
        return pending

    def answer(self) -> None:
        now, self.waiting = self.waiting, []
        for number, pending in enumerate(now):
            pending.resolve(
                Outcome(b'{"score":5121.26}', "dot", "1", 100_000 + 10_000 * (number // BATCH), 80_000, BATCH)
            )


class Record:
    """A ledger that has committed when it is told so."""

    def __init__(self) -> None:
        self.waiting: list[Pending[None]] = []

    def commit(self, entry: object) -> Pending[None]:
        pending: Pending[None] = Pending()
        self.waiting.append(pending)
        return pending

    def committed(self) -> None:
        now, self.waiting = self.waiting, []
        for pending in now:
            pending.resolve(None)


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


class Bench:
    """Sixty-four connections to the front of one published model, and one key."""

    def __init__(self) -> None:
        clock = Ticking()
        peppers = Peppers("00000001", {"00000001": b"p" * 32})
        key = mint("hw", "live", os.urandom)
        text = key.reveal()
        digest = peppers.digest("00000001", text.encode())
        row = KeyRow(key.key_id, "bench", "hw", digest, "00000001", Terms(rate=Rate(1e6, 1.0)), 0)
        keys = LiveKeys(Store(row), peppers, clock, CallerDefaults())  # type: ignore[arg-type]  # what it uses of a store
        keys.refresh()
        published = Published()
        contract = contract_from(REQUEST, REPLY, True, False, ())
        published.replace((Endpoint("dot", 1, contract, (TargetChoice("dot"),), id="dot/v1"),))
        self.model, self.record = Model(), Record()
        self.watch = LoggedWatch(Metrics(), Logs(Sink(), lambda words: words, clock))
        parts = Parts(
            keys, MemoryLimits(), published, self.model, self.record, self.watch, clock, None,  # type: ignore[arg-type]
            Routes(table(2**24, is_loopback=True)), {}, dialects(), refusals(), None, None,
        )  # fmt: skip
        service = SimpleNamespace(config=Config(), clock=clock, parts=parts)
        gate = Gate(Front(service), Bind(), clock)  # type: ignore[arg-type]  # what it uses of a service
        self.links = []
        for _ in range(CONNECTIONS):
            connection, transport = Connection(gate), Transport()
            connection.connection_made(transport)  # type: ignore[arg-type]  # what it uses of a transport
            self.links.append((connection, transport))
        self.requests = [_request(text, ROW[at % 30 :] + ROW[: at % 30]) for at in range(CONNECTIONS)]

    def round(self, number: int) -> None:
        """One call on every connection, all under way at once."""
        for (connection, _), request in zip(self.links, self.requests, strict=True):
            connection.data_received(request)
        self.model.answer()
        self.record.committed()
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


def _request(key: str, row: Sequence[float]) -> bytes:
    body = json.dumps({"x": row})
    head = (
        "POST /api/dot/v1 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def steps(calls: int = 768) -> Counter[str]:
    """How many steps of the interpreter each function takes in so many calls."""
    bench = Bench()
    bench.run(640)
    seen: Counter[str] = Counter()

    def traced(frame: Any, event: str, argument: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            seen[f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}"] += 1
        return traced

    sys.settrace(traced)
    bench.run(calls)
    sys.settrace(None)
    return seen


def python_calls(calls: int = 640) -> Counter[str]:
    """How often each Python function is entered in so many calls."""
    bench = Bench()
    bench.run(640)
    seen: Counter[str] = Counter()

    def entered(frame: Any, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call":
            seen[f"{Path(code.co_filename).name}:{code.co_name}"] += 1
        elif event == "c_call":
            seen[f"C {getattr(argument, '__name__', argument)}"] += 1

    sys.setprofile(entered)
    bench.run(calls)
    sys.setprofile(None)
    return seen


def instructions(calls: int) -> int:
    """Instructions of a process that makes so many calls, as valgrind counts them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={folder}/out",
            sys.executable,
            "-m",
            "bench.front",
        ]
        done = subprocess.run(
            [*command, "--calls", str(calls)],
            env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(done.stderr[-2000:])
    return int(found[1])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.front", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, help="only make so many calls")
    parser.add_argument(
        "--watched",
        action="store_true",
        help="with --calls under `valgrind --tool=callgrind --instr-atstart=no`: count these calls alone",
    )
    parser.add_argument("--names", action="store_true", help="and which functions are called")
    asked = parser.parse_args()
    if asked.calls is not None:
        bench = Bench()
        gc.freeze()  # as `headworks serve` does
        gc.set_threshold(*COLLECT_AFTER)
        if asked.watched:
            bench.run(640)
            subprocess.run(["callgrind_control", "-i", "on", str(os.getpid())], check=True, stdout=subprocess.DEVNULL)
        began = time.process_time()
        bench.run(asked.calls)
        spent_s = time.process_time() - began
        if asked.watched:
            subprocess.run(["callgrind_control", "-i", "off", str(os.getpid())], check=True, stdout=subprocess.DEVNULL)
        print(f"{1e6 * spent_s / asked.calls:.1f} us a call")
        return
    seen = python_calls()
    python = sum(often for name, often in seen.items() if not name.startswith("C "))
    print(f"Python calls a call: {python / 640:.1f}; C calls: {(seen.total() - python) / 640:.1f}")
    if asked.names:
        for name, often in seen.most_common(120):
            print(f"  {often / 640:6.2f}  {name}")
        for name, often in steps().most_common(80):
            print(f"  {often / 768:6.1f}  {name}")
        return
    print(f"instructions a call: {(instructions(MANY) - instructions(FEW)) / (MANY - FEW):.0f}")


if __name__ == "__main__":
    main()
