"""Run the benchmark: `python -m bench [--quick] [--only s1 s2 ...]`. The method stands in bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from bench import report
from bench.machine import describe
from bench.parts import PARTS, Settings, run
from bench.rounds import Plan

QUICK_PEERS = ("mosec", "fastapi", "nginx", "passthrough")
ALL_PEERS = ("mosec", "fastapi", "litserve", "bentoml", "nginx", "passthrough", "portkey", "litellm")
QUICK_PARTS = ("s1", "s2", "overload", "start")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="about two minutes: two peers, three rounds, no memory run"
    )
    parser.add_argument("--long", action="store_true", help="10^6 calls for the memory, 10^7 rows for the records")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--peers", nargs="+", choices=ALL_PEERS, metavar="PEER", help=f"of {', '.join(ALL_PEERS)}")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (5; quick: 3)")
    parser.add_argument("--nice", type=int, help="priority of servers and load (-15 where allowed, else 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there as JSON")
    parser.add_argument("--compare", action="store_true", help="report against the committed baseline")
    parser.add_argument("--write-baseline", action="store_true", help="make this run's ratios the baseline")
    return parser.parse_args()


def main() -> int:
    """Measure, print, keep; the exit code says only whether the measuring itself worked."""
    asked = arguments()
    if (os.cpu_count() or 1) < 2:
        print("the benchmark needs two cores: one for the server, one for the load", file=sys.stderr)
        return 1
    nice = asked.nice if asked.nice is not None else (-15 if os.geteuid() == 0 else 0)
    plan = Plan(rounds=asked.rounds or (3 if asked.quick else 5), nice=nice)
    peers = frozenset(asked.peers or (QUICK_PEERS if asked.quick else ALL_PEERS))
    parts = asked.only or (list(QUICK_PARTS) if asked.quick else list(PARTS))
    machine = describe()
    found = run(parts, Settings(plan, asked.long, peers))
    whole = report.document(
        found, machine, {"rounds": plan.rounds, "nice": nice, "peers": sorted(peers), "parts": parts}
    )
    print(report.text(found))
    if asked.compare:
        print("\n" + report.against_baseline(found.ratios))
    if asked.json:
        asked.json.write_text(json.dumps(whole, indent=2) + "\n")
    if asked.write_baseline:
        report.write_baseline(whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
