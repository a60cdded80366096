"""A store that already holds many records: what calls, `records verify` and a proof cost then."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench import rounds
from bench.figures import single_times, times
from bench.rounds import Plan, say
from bench.servers import MODELS, RUN, ours
from bench.venvs import BENCH, ROOT, ensure_ours

FULL, EMPTY = "headworks-full", "headworks-empty"
PROOFS = 50


def measure(rows: int, plan: Plan) -> dict[str, float]:
    """Fill a home, compare calls with those on an empty home in interleaved rounds, verify, prove."""
    full = ours(FULL, MODELS / "s1.py", "dot")
    home = RUN / FULL
    say(f"  filling the store with {rows} records")
    began = time.perf_counter()
    _run([ensure_ours(), ROOT / "bench" / "fill.py", home, rows])
    filled_s = time.perf_counter() - began
    taken = rounds.measure([full, ours(EMPTY, MODELS / "s1.py", "dot")], plan)
    say("  verifying")
    began = time.perf_counter()
    verdict = json.loads(_run([BENCH / "ours" / "bin" / "headworks", "records", "verify", "--home", home, "--json"]))
    verify_s = time.perf_counter() - began
    proofs_ms = json.loads(_run([ensure_ours(), ROOT / "bench" / "prove.py", home, verdict["records"], PROOFS]))
    return {
        "records": verdict["records"],
        "whole": verdict["whole"],
        "disk_mb": sum(file.stat().st_size for file in home.glob("records.db*")) / 2**20,
        "fill_per_s": rows / filled_s,
        "verify_per_s": verdict["records"] / verify_s,
        "proof_ms": median(proofs_ms),
        "slowest_proof_ms": max(proofs_ms),
        "single_latency_x": single_times(taken[FULL], taken[EMPTY]),
        "throughput_x": times(taken[FULL], taken[EMPTY]),
        "errors": sum(each.busy.errors + each.single.errors for rows_of in taken.values() for each in rows_of),
    }


def _run(command: Sequence[Path | str | int]) -> Any:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return done.stdout
