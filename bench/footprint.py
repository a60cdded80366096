"""What a server weighs: memory before and after many calls, time to its first answer, import, installation."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.load import closed_loop
from bench.rounds import BUSY_CONNECTIONS, say
from bench.servers import Server, start
from bench.venvs import BENCH, PEERS, copied_sources, fresh

IMPORT = """
import json, sys, threading, time
before = set(sys.modules)
began = time.perf_counter()
import headworks
took = time.perf_counter() - began
print(json.dumps({"ms": 1e3 * took, "modules": len(set(sys.modules) - before), "threads": threading.active_count()}))
"""
DEPENDENCIES = """
import importlib.metadata as metadata
print(sum("extra ==" not in line for line in metadata.requires("headworks") or []))
"""


def memory(server: Server, calls: int, nice: int) -> dict[str, float]:
    """Memory idle and after so many calls, sampled ten times on the way.

    Shapes: growth is the front's resident memory at the end against that after the first fifth of the calls.
    """
    running = start(server, nice)
    try:
        running.tree.settle()
        idle = running.tree.memory_mb()
        done, samples = 0, [idle["front_rss_mb"]]
        while done < calls:
            done += closed_loop(running.target, BUSY_CONNECTIONS, 2 if calls < 200_000 else 8, nice).requests
            samples.append(running.tree.memory_mb()["front_rss_mb"])
            say(f"  memory: {done} calls, front {samples[-1]:.1f} MB")
        warm = samples[max(1, len(samples) // 5)]
        after = running.tree.memory_mb()
    finally:
        running.tree.stop()
    return {
        "calls": done,
        "front_rss_idle_mb": idle["front_rss_mb"],
        "front_rss_after_mb": after["front_rss_mb"],
        "front_pss_idle_mb": idle["front_pss_mb"],
        "front_pss_after_mb": after["front_pss_mb"],
        "front_rss_growth": after["front_rss_mb"] / warm - 1 if warm else 0.0,
        "tree_pss_idle_mb": idle["tree_pss_mb"],
        "tree_pss_after_mb": after["tree_pss_mb"],
        "processes": after["processes"],
    }


def start_s(make: Callable[[], Server], times: int, nice: int) -> float:
    """Seconds from starting a server to its first 200, the median of several starts."""
    taken = []
    for _ in range(times):
        running = start(make(), nice)
        running.tree.stop()
        taken.append(running.start_s)
    return median(taken)


def importing(interpreter: Path, times: int) -> dict[str, Any]:
    """What `import headworks` costs in a fresh interpreter: time (median), modules loaded, threads afterwards."""
    runs = [_said(interpreter, IMPORT) for _ in range(times + 1)][1:]
    return {**runs[0], "ms": median(run["ms"] for run in runs)}


def installation() -> dict[str, float]:
    """The size of a fresh environment with nothing but the core in it, and the core's direct dependencies."""
    fresh("empty")
    empty_mb = size_mb(BENCH / "empty")
    interpreter = fresh("core", str(copied_sources()))
    whole_mb = size_mb(BENCH / "core")
    listed = [str(interpreter), "-m", "pip", "list", "--format=json"]
    distributions = json.loads(subprocess.run(listed, capture_output=True, text=True, check=True).stdout)
    return {
        "direct_dependencies": float(_said(interpreter, DEPENDENCIES)),
        "distributions": len(distributions),
        "venv_mb": whole_mb,
        "venv_without_pip_mb": whole_mb - empty_mb,
    }


def size_mb(folder: Path) -> float:
    """The room a folder takes on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 2**20


def _said(interpreter: Path, code: str) -> Any:
    command: Sequence[str] = [str(interpreter), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PEERS)
    return json.loads(done.stdout)
