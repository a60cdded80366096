"""The arithmetic of the harness: pure functions, no clock, no process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Verdict = Literal["aim", "must", "SHORT", "not measured"]


@dataclass(frozen=True)
class Slice:
    """What one load slice against one server gave."""

    requests: int
    errors: int
    seconds: float
    p50_us: float
    p99_us: float
    cpu_s: float = 0.0

    @property
    def rps(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """CPU of the whole process tree for one call, in microseconds."""
        return 1e6 * self.cpu_s / self.requests if self.requests else math.inf


@dataclass(frozen=True)
class Round:
    """One server's slices of one round: many connections, then a single one."""

    busy: Slice
    single: Slice


@dataclass(frozen=True)
class Goal:
    """A figure of the project's table: what it must reach and what it aims at."""

    name: str
    must: float
    aim: float
    unit: str = ""
    more_is_better: bool = False

    def verdict(self, value: float | None) -> Verdict:
        """Where a measured value stands; None and not-a-number count as not measured."""
        if value is None or math.isnan(value):
            return "not measured"
        sign = -1 if self.more_is_better else 1
        if sign * value <= sign * self.aim:
            return "aim"
        return "must" if sign * value <= sign * self.must else "SHORT"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of an ascending sequence, `share` in 0..1; 0 when it is empty."""
    if not ordered:
        return 0.0
    rank = max(1, math.ceil(share * len(ordered)))
    return ordered[min(rank, len(ordered)) - 1]


def summary(rounds: Sequence[Round]) -> dict[str, float]:
    """Medians over the rounds, and every error of every slice."""
    return {
        "rps": median(each.busy.rps for each in rounds),
        "rps_best": max(each.busy.rps for each in rounds),
        "p50_ms": median(each.busy.p50_us for each in rounds) / 1e3,
        "p99_ms": median(each.busy.p99_us for each in rounds) / 1e3,
        "single_p50_us": median(each.single.p50_us for each in rounds),
        "cpu_us": median(each.busy.cpu_us for each in rounds),
        "requests": sum(each.busy.requests + each.single.requests for each in rounds),
        "errors": sum(each.busy.errors + each.single.errors for each in rounds),
    }


def times(ours: Sequence[Round], theirs: Sequence[Round]) -> float:
    """How many times their throughput ours is: the median of the ratios within each round."""
    return _ratio([(mine.busy.rps, other.busy.rps) for mine, other in zip(ours, theirs, strict=True)])


def single_times(ours: Sequence[Round], theirs: Sequence[Round]) -> float:
    """How many times their latency ours is with one connection: again within each round."""
    return _ratio([(mine.single.p50_us, other.single.p50_us) for mine, other in zip(ours, theirs, strict=True)])


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    usable = [mine / other for mine, other in pairs if other > 0]
    return median(usable) if usable else math.nan


def drift(now: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """The change of every ratio both runs have, as a share: 0.1 is a tenth more than the baseline."""
    shared = [name for name in baseline if name in now and baseline[name]]
    return {name: now[name] / baseline[name] - 1 for name in shared}
