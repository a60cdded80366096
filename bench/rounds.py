"""Interleaved rounds: every server is started and frozen, and each is thawed in turn for its slices.

Noise of the machine then hits all alike, and a ratio within one round means something even when the clock wanders.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.figures import Round, Slice
from bench.load import closed_loop
from bench.servers import Running, Server, start

BUSY_CONNECTIONS = 64


@dataclass(frozen=True)
class Plan:
    """How long and how often."""

    rounds: int = 5
    busy_s: float = 2
    single_s: float = 1
    slow_s: float = 6
    nice: int = 0


def measure(servers: Sequence[Server], plan: Plan) -> dict[str, list[Round]]:
    """The rounds of the quick servers, then those of the slow ones, each beside a slice of the first server."""
    quick = [server for server in servers if not server.slow]
    running: list[Running] = []
    try:
        for server in quick:
            say(f"  starting {server.name}")
            running.append(_prepared(server, plan))
        found: dict[str, list[Round]] = {server.name: [] for server in quick}
        for number in range(plan.rounds):
            say(f"  round {number + 1} of {plan.rounds}, fixed loop {fixed_loop_ms():.1f} ms")
            for each in running:
                found[each.server.name].append(_thawed(each, plan.busy_s, plan))
        for server in servers:
            if server.slow:
                found |= _beside(running[0], server, plan)
        return found
    finally:
        for each in running:
            each.tree.stop()


def _beside(first: Running, slow: Server, plan: Plan) -> dict[str, list[Round]]:
    """One round of a slow server: a long slice, drained before and after, next to a slice of the first server.

    Shapes: the first server's slice is under "NAME beside SLOW", so that ratios stay within one round.
    """
    say(f"  {slow.name}, drained, {plan.slow_s:.0f} s")
    mine = _thawed(first, plan.busy_s, plan)
    other = _prepared(slow, plan)
    try:
        theirs = _thawed(other, plan.slow_s, plan)
    finally:
        other.tree.stop()
    return {slow.name: [theirs], beside_name(first.server.name, slow.name): [mine]}


def beside_name(first: str, slow: str) -> str:
    """Where the first server's round beside a slow one is kept."""
    return f"{first} beside {slow}"


def _prepared(server: Server, plan: Plan) -> Running:
    """Started, warmed up, drained and frozen."""
    running = start(server, plan.nice)
    closed_loop(running.target, BUSY_CONNECTIONS, 1, plan.nice)
    running.tree.settle()
    running.tree.freeze()
    return running


def _thawed(running: Running, busy_s: float, plan: Plan) -> Round:
    running.tree.thaw()
    try:
        running.tree.settle()
        busy = slice_of(running, BUSY_CONNECTIONS, busy_s, plan.nice)
        running.tree.settle()
        single = slice_of(running, 1, plan.single_s, plan.nice)
        running.tree.settle()
    finally:
        running.tree.freeze()
    return Round(busy, single)


def slice_of(running: Running, connections: int, seconds: float, nice: int) -> Slice:
    """One closed-loop slice with the CPU time the server's whole tree took for it."""
    before = running.tree.cpu_s()
    found = closed_loop(running.target, connections, seconds, nice)
    return replace(found, cpu_s=running.tree.cpu_s() - before)


def fixed_loop_ms() -> float:
    """CPU time of a fixed piece of work on cpu 0: what the machine's clock and its neighbours make of it now.

    Two virtual cores are often two threads of one real core; work on cpu 1 then doubles what work on cpu 0 costs.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    try:
        began = time.process_time()
        total = 0
        for value in range(200_000):
            total += value
        return 1e3 * (time.process_time() - began)
    finally:
        os.sched_setaffinity(0, allowed)


def say(text: str) -> None:
    """Progress goes to standard error; standard output is the table's."""
    print(text, file=sys.stderr, flush=True)
