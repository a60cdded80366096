"""The table of what the project promises of its speed: every figure by name, what it must reach, what it aims at."""

from __future__ import annotations

from collections.abc import Mapping

from bench.figures import Goal, Verdict

GOALS = (
    Goal("s1 cpu us a call", 90, 65, "us"),
    Goal("s1 throughput x mosec", 2.5, 4, "x", more_is_better=True),
    Goal("s1 throughput x fastapi", 4, 6, "x", more_is_better=True),
    Goal("s1 throughput x litserve", 20, 28, "x", more_is_better=True),
    Goal("s1 throughput x bentoml", 20, 28, "x", more_is_better=True),
    Goal("s1 durable power x mosec", 1.8, 2.5, "x", more_is_better=True),
    Goal("s1 p99 at c=64", 15, 10, "ms"),
    Goal("s1 p50 at c=1 x mosec", 1.6, 1.2, "x"),
    Goal("s2 throughput x mosec", 1.2, 1.5, "x", more_is_better=True),
    Goal("s2 throughput x fastapi", 14, 18, "x", more_is_better=True),
    Goal("s2 p50 at c=1 x mosec", 0.3, 0.3, "x"),
    Goal("gateway cpu us a call", 100, 70, "us"),
    Goal("gateway throughput x nginx", 0.35, 0.5, "x", more_is_better=True),
    Goal("gateway throughput x nginx-tls", 0.35, 0.5, "x", more_is_better=True),
    Goal("gateway throughput x passthrough", 8, 12, "x", more_is_better=True),
    Goal("gateway throughput x portkey", 25, 40, "x", more_is_better=True),
    Goal("gateway throughput x litellm", 100, 150, "x", more_is_better=True),
    Goal("gateway added p50 at c=1 x nginx", 1.5, 1.5, "x"),
    Goal("gateway added p50 at c=1 x nginx over TLS", 1.5, 1.5, "x"),
    Goal("gateway added p99 at c=64", 5, 5, "ms"),
    Goal("gateway added p99 at c=64 over TLS", 5, 5, "ms"),
    Goal("streams chunks x nginx, same dialect", 1.0, 1.0, "x", more_is_better=True),
    Goal("streams chunks x nginx, translated", 0.4, 0.4, "x", more_is_better=True),
    Goal("streams first chunk added p50", 1, 1, "ms"),
    Goal("streams first chunk added p99", 5, 5, "ms"),
    Goal("streams first chunk added p50 over TLS", 1, 1, "ms"),
    Goal("streams first chunk added p99 over TLS", 5, 5, "ms"),
    Goal("streams chunks glued at pace", 0, 0),
    Goal("streams chunks glued at pace over TLS", 0, 0),
    Goal("streams memory of 1000", 200, 200, "MB"),
    Goal("streams silent of 1000", 0, 0),
    Goal("overload goodput of peak", 0.9, 0.9, "", more_is_better=True),
    Goal("overload p99 of accepted of deadline", 1.0, 1.0),
    Goal("front memory idle (PSS)", 50, 50, "MB"),
    Goal("front memory idle (RSS)", 50, 50, "MB"),
    Goal("front memory growth over the calls", 0.05, 0.05),
    Goal("start to first 200", 1.0, 0.6, "s"),
    Goal("import headworks", 60, 60, "ms"),
    Goal("core install", 80, 80, "MB"),
    Goal("core direct dependencies", 12, 12),
    Goal("errors in all slices", 0, 0),
    Goal("records 10^7: latency x of an empty store", 1.1, 1.0, "x"),
    Goal("records 10^7: verify", 50_000, 50_000, "/s", more_is_better=True),
    Goal("records 10^7: one proof", 10, 10, "ms"),
)


def judged(figures: Mapping[str, float]) -> list[tuple[Goal, float | None, Verdict]]:
    """Every goal with the measured figure and where it stands."""
    return [(goal, figures.get(goal.name), goal.verdict(figures.get(goal.name))) for goal in GOALS]
