"""Twice the load the server can take: what it still answers, and how late."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.load import own
from bench.rounds import BUSY_CONNECTIONS, say
from bench.servers import Server, start

DEADLINE_MS = 100
OPEN_CONNECTIONS = 2000


@dataclass(frozen=True)
class Overload:
    """Medians over the rounds; the peak and the goodput of a ratio are of the same round."""

    peak_rps: float
    offered_rps: float
    goodput_rps: float
    goodput_share: float
    accepted_p99_ms: float
    refused_p99_ms: float
    held_back: int
    broken: int
    statuses: dict[str, int]


def measure(server: Server, rounds: int, seconds: float, nice: int) -> Overload:
    """Peak in a closed loop, then an open loop at twice that rate; several rounds.

    The generator's own cost is the same in both, so the peak is its own closed loop and not wrk's.
    """
    running = start(server, nice)
    found: list[tuple[float, dict[str, Any]]] = []
    try:
        own(running.target, BUSY_CONNECTIONS, 1, nice)
        for _ in range(rounds):
            running.tree.settle()
            closed = own(running.target, BUSY_CONNECTIONS, seconds, nice)
            peak = closed["statuses"].get("200", 0) / closed["seconds"]
            running.tree.settle()
            found.append((peak, own(running.target, OPEN_CONNECTIONS, seconds, nice, rate=2 * peak)))
            say(f"  overload: peak {peak:.0f}/s, {found[-1][1]['statuses']}")
    finally:
        running.tree.stop()
    return combine(found)


def combine(found: list[tuple[float, dict[str, Any]]]) -> Overload:
    """The rounds as one."""
    goodput = [(peak, run["statuses"].get("200", 0) / run["seconds"]) for peak, run in found]
    statuses: Counter[str] = Counter()
    for _, run in found:
        statuses.update(run["statuses"])
    return Overload(
        peak_rps=median(peak for peak, _ in goodput),
        offered_rps=median(run["offered"] / run["seconds"] for _, run in found),
        goodput_rps=median(good for _, good in goodput),
        goodput_share=median(good / peak for peak, good in goodput),
        accepted_p99_ms=median(run["p99_us"] for _, run in found) / 1e3,
        refused_p99_ms=median(run["refused_p99_us"] for _, run in found) / 1e3,
        held_back=sum(run["held_back"] for _, run in found),
        broken=sum(run["broken"] for _, run in found),
        statuses=dict(statuses),
    )
