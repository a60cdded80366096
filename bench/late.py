"""What gateways add to an answer that takes its time: an upstream that answers after 20 ms, beside nginx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.gateways import nginx_of, ours_of
from bench.load import Target, closed_loop
from bench.rounds import BUSY_CONNECTIONS, Plan, say
from bench.servers import Running, start
from bench.upstream import upstream

ANSWERS_AFTER_S = 0.02
BUSY_S = 6.0
"""Each slice begins with a handshake a caller, since the generator cuts off the calls of the one before; in this time there are
enough others for those to be less than a hundredth."""
OURS, NGINX, DIRECT = "headworks", "nginx", "direct"


@dataclass(frozen=True)
class Added:
    """Milliseconds beyond the upstream's own: the median of a lone caller's calls, and of 64 callers' the 99th percentile."""

    lone_p50_ms: float
    busy_p99_ms: float


def measure(plan: Plan, *, tls: bool) -> dict[str, Added]:
    """Ours and nginx in turn with the upstream itself, asked without TLS; medians over the rounds."""
    with upstream(plan.nice, delay_s=ANSWERS_AFTER_S) as service:
        running: list[Running] = []
        try:
            for server in (ours_of(service, tls=tls), nginx_of(service, tls=tls)):
                running.append(start(server, plan.nice))
            targets = {OURS: running[0].target, NGINX: running[1].target}
            targets[DIRECT] = replace(running[1].target, port=service.port)
            taken: dict[str, list[Added]] = {name: [] for name in targets}
            for number in range(plan.rounds):
                say(f"  added latency{' over TLS' if tls else ''}, round {number + 1} of {plan.rounds}")
                for name, target in targets.items():
                    taken[name].append(_asked(target, plan))
        finally:
            for each in running:
                each.tree.stop()
    return {name: added(taken[name], taken[DIRECT]) for name in (OURS, NGINX)}


def added(taken: Sequence[Added], direct: Sequence[Added]) -> Added:
    """The medians of what is beyond the upstream's own time, round by round."""
    return Added(
        median(mine.lone_p50_ms - bare.lone_p50_ms for mine, bare in zip(taken, direct, strict=True)),
        median(mine.busy_p99_ms - bare.busy_p99_ms for mine, bare in zip(taken, direct, strict=True)),
    )


def _asked(target: Target, plan: Plan) -> Added:
    closed_loop(target, BUSY_CONNECTIONS, 1, plan.nice)  # what is made once is made
    busy = closed_loop(target, BUSY_CONNECTIONS, BUSY_S, plan.nice)
    lone = closed_loop(target, 1, plan.single_s, plan.nice)
    if busy.errors or lone.errors:
        raise RuntimeError(f"{busy.errors + lone.errors} errors where the upstream answers late")
    return Added(lone.p50_us / 1e3, busy.p99_us / 1e3)
