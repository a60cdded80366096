"""Load on one server: wrk where it is installed, else the harness's own generator; always on cpu 1."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Slice
from bench.tree import prefer

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = %s
%s
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests":%%d,"errors":%%d,"seconds":%%f,"p50_us":%%f,"p99_us":%%f}\\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Target:
    """What a request is sent to and what it carries."""

    port: int
    path: str
    body: str
    headers: Mapping[str, str]


def generator_name() -> str:
    """Which generator closed-loop slices use on this machine."""
    return "wrk" if shutil.which("wrk") else "own (epoll, Python)"


def closed_loop(target: Target, connections: int, seconds: float, nice: int) -> Slice:
    """One closed-loop slice; CPU time is added by the caller, who knows the server's tree."""
    found = _wrk(target, connections, seconds, nice) if shutil.which("wrk") else own(target, connections, seconds, nice)
    return Slice(found["requests"], found["errors"], found["seconds"], found["p50_us"], found["p99_us"])


def own(target: Target, connections: int, seconds: float, nice: int, rate: float | None = None) -> dict[str, Any]:
    """A run of the own generator: closed loop, or open loop at `rate` requests a second."""
    order = {
        "host": HOST,
        "port": target.port,
        "path": target.path,
        "headers": dict(target.headers),
        "body": target.body,
        "connections": connections,
        "seconds": seconds,
        "rate": rate,
    }
    code, printed = _run([sys.executable, "-m", "bench.generator"], nice, json.dumps(order))
    if code:
        raise RuntimeError(f"the load generator failed: {printed[-2000:]}")
    found: dict[str, Any] = json.loads(printed)
    return found


def _wrk(target: Target, connections: int, seconds: float, nice: int) -> dict[str, Any]:
    lines = "\n".join(f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in target.headers.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT % (_lua(target.body), lines))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", script.name]
        command.append(f"http://{HOST}:{target.port}{target.path}")
        return wrk_figures(_run(command, nice)[1])


def wrk_figures(output: str) -> dict[str, Any]:
    """The figures out of what wrk printed.

    Raises: RuntimeError, when wrk did not get as far as its summary.
    """
    for line in output.splitlines():
        if line.startswith("RESULT "):
            found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
            return found
    raise RuntimeError(f"wrk gave no result: {output[-2000:]}")


def _lua(text: str) -> str:
    return json.dumps(text)


def _run(command: Sequence[str], nice: int, given: str = "") -> tuple[int, str]:
    """Run the load on cpu 1; gives its exit code and what it printed."""
    pinned = ["taskset", "-c", "1", "nice", "-n", str(nice), *command]
    running = subprocess.Popen(
        pinned,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    prefer(running.pid, nice)
    printed, _ = running.communicate(given)
    return running.returncode, printed
