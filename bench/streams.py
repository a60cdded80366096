"""Streams through the gateways: chunks a second unpaced, what is added to the first chunk at a pace, the memory of many.

Headworks passes one dialect through and translates (Anthropic in, OpenAI out), with everything on; nginx passes bytes on.
The upstream sends chunks of 150 bytes, each in a write of its own, and shares the load's core.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from bench import callers
from bench.figures import percentile
from bench.gateways import BODY, nginx_of, ours_of
from bench.load import Target
from bench.rounds import Plan, say
from bench.servers import Running, Server, start
from bench.upstream import Upstream, upstream

PACE_S = 0.02
BUSY, PACED, MANY = 64, 16, 1000
BUSY_S, PACED_S, MANY_S = 3.0, 5.0, 8.0
STREAMED = json.dumps({**json.loads(BODY), "stream": True, "max_tokens": 1000})
SAME, TRANSLATED, NGINX, DIRECT = "same dialect", "translated", "nginx", "direct"


@dataclass(frozen=True)
class Unpaced:
    """Chunks a second of one way through, CPU time of a chunk, and how many times nginx' chunks a second."""

    chunks_s: float
    cpu_us: float
    times_nginx: float


@dataclass(frozen=True)
class Paced:
    """Milliseconds to the first content at a pace, what of them is beyond the upstream's own, and reads with two chunks."""

    p50_ms: float
    p99_ms: float
    added_p50_ms: float
    added_p99_ms: float
    glued_share: float


@dataclass(frozen=True)
class Many:
    """What many streams at once take, and whether each came to something."""

    memory_mb: float
    idle_mb: float
    silent: int
    chunks_s: float
    statuses: Mapping[str, int]


def unpaced(plan: Plan) -> dict[str, Unpaced]:
    """As fast as they go, sixty-four at once; in turn, so that noise hits all alike."""
    with upstream(plan.nice, "chunks") as service, _started(_servers(service, tls=False), plan.nice) as (mine, nginx):
        ways = {SAME: (mine, mine.target), TRANSLATED: (mine, _translated(mine)), NGINX: (nginx, nginx.target)}
        rows: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(plan.rounds):
            say(f"  streams unpaced, round {number + 1} of {plan.rounds}")
            for name, (running, target) in ways.items():
                before = running.tree.cpu_s()
                rate = callers.ended(callers.begin(target, BUSY, BUSY_S, plan.nice))["events_s"]
                spent_s = running.tree.cpu_s() - before
                rows[name].append((rate, 1e6 * spent_s / (rate * (BUSY_S + callers.SETTLING_S))))
        return {name: _unpaced(row, rows[NGINX]) for name, row in rows.items()}


def _unpaced(row: Sequence[tuple[float, float]], peer: Sequence[tuple[float, float]]) -> Unpaced:
    rate, cost = (median(column) for column in zip(*row, strict=True))
    return Unpaced(rate, cost, median(mine[0] / other[0] for mine, other in zip(row, peer, strict=True)))


def paced(plan: Plan, *, tls: bool) -> dict[str, Paced]:
    """A chunk each 20 ms, sixteen at once; over TLS it is the way to the upstream that is secured."""
    with upstream(plan.nice, "short", PACE_S) as service, _started(_servers(service, tls=tls), plan.nice) as pair:
        mine, nginx = pair
        ways = {
            DIRECT: replace(nginx.target, port=service.port),
            NGINX: nginx.target,
            SAME: mine.target,
            TRANSLATED: _translated(mine),
        }
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
        for number in range(plan.rounds):
            say(f"  streams at a pace{' over TLS' if tls else ''}, round {number + 1} of {plan.rounds}")
            for name, target in ways.items():
                rows[name].append(callers.ended(callers.begin(target, PACED, PACED_S, plan.nice)))
        return {name: _paced(row, rows[DIRECT]) for name, row in rows.items()}


def _paced(row: Sequence[Mapping[str, Any]], direct: Sequence[Mapping[str, Any]]) -> Paced:
    mine, bare = [_latencies(each) for each in row], [_latencies(each) for each in direct]
    added = [(own[0] - other[0], own[1] - other[1]) for own, other in zip(mine, bare, strict=True)]
    return Paced(
        *(median(column) for column in zip(*mine, strict=True)),
        *(median(column) for column in zip(*added, strict=True)),
        glued_share=median(each["glued_share"] for each in row),
    )


def _latencies(found: Mapping[str, Any]) -> tuple[float, float]:
    return percentile(found["first_ms"], 0.5), percentile(found["first_ms"], 0.99)


def many(plan: Plan) -> Many:
    """A thousand streams at a pace."""
    with (
        upstream(plan.nice, "chunks", PACE_S) as service,
        _started(_servers(service, tls=False), plan.nice) as (mine, _),
    ):
        say(f"  {MANY} streams")
        idle = mine.tree.memory_mb()["front_rss_mb"]
        calling = callers.begin(mine.target, MANY, MANY_S, plan.nice)
        time.sleep(MANY_S - 1)
        busy = mine.tree.memory_mb()["front_rss_mb"]
        found = callers.ended(calling)
        return Many(busy, idle, found["silent"], found["events_s"], found["statuses"])


def _servers(service: Upstream, *, tls: bool) -> list[Server]:
    """Headworks and nginx, asked for a stream."""
    return [
        replace(ours_of(service, tls=tls), name="headworks-streams", body=STREAMED),
        replace(nginx_of(service, tls=tls, is_buffered=False), body=STREAMED),
    ]


@contextmanager
def _started(servers: Sequence[Server], nice: int) -> Iterator[list[Running]]:
    running: list[Running] = []
    try:
        for server in servers:
            running.append(start(server, nice))
        yield running
    finally:
        for each in running:
            each.tree.stop()


def _translated(running: Running) -> Target:
    return replace(running.target, path="/v1/messages")
