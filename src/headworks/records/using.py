"""What services outside were used for, summed as asked: by day, caller, endpoint or target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from headworks.records.opening import open_to_read
from headworks.stores.queries import load_queries

By = Literal["day", "caller", "endpoint", "target"]
EVERY: tuple[By, ...] = ("day", "caller", "endpoint", "target")
FIRST_DAY, LAST_DAY = "0000-01-01", "9999-12-31"
MOST_ROWS = 100_000
_COUNTS = (
    "calls", "failed", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "images", "characters",
    "seconds", "cost_micros", "unpriced",
)  # fmt: skip


class Asked(Struct, frozen=True):
    """Which use to sum, and by what; days such as `2026-11-27`, both included."""

    by: tuple[By, ...] = EVERY
    since: str = FIRST_DAY
    until: str = LAST_DAY


def used(home: Path, asked: Asked) -> list[dict[str, Any]]:
    """One object a group, in order, with its sums; `cost` in the currency of the prices, `unpriced` calls of unknown cost.

    Raises: HomeUnavailable.
    """
    connection = open_to_read(home)
    try:
        rows = list(connection.execute(load_queries(__package__, "spending.sql")["used"], (asked.since, asked.until)))
    finally:
        connection.close()
    groups: dict[tuple[str, ...], list[float]] = {}
    for day, caller, endpoint, version, target, *counts in rows:
        named = {"day": day, "caller": caller, "endpoint": f"{endpoint}/v{version}", "target": target}
        sums = groups.setdefault(tuple(named[each] for each in asked.by), [0] * len(_COUNTS))
        for at, count in enumerate(counts):
            sums[at] += count
    return [_told(asked.by, group, sums) for group, sums in sorted(groups.items())]


def _told(by: Sequence[By], group: tuple[str, ...], sums: list[float]) -> dict[str, Any]:
    counts = dict(zip(_COUNTS, sums, strict=True))
    cost_micros = counts.pop("cost_micros")
    return {**dict(zip(by, group, strict=True)), **counts, "cost": cost_micros / 1_000_000}
