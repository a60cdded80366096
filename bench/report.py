"""What the benchmark prints and keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import drift
from bench.goals import judged
from bench.parts import Found

BASELINE = Path(__file__).resolve().parent / "baseline.json"
COLUMNS = (
    ("rps", "rps", "{:.0f}"),
    ("rps_best", "(best)", "{:.0f}"),
    ("p50_ms", "p50 ms", "{:.1f}"),
    ("p99_ms", "p99 ms", "{:.1f}"),
    ("single_p50_us", "c=1 us", "{:.0f}"),
    ("cpu_us", "cpu us", "{:.0f}"),
    ("errors", "errors", "{:.0f}"),
)
NOTICEABLE = 0.3


def document(found: Found, machine: Mapping[str, object], how: Mapping[str, object]) -> dict[str, Any]:
    """Everything of a run, ready for JSON."""
    goals = {goal.name: {"value": value, "must": goal.must, "aim": goal.aim, "unit": goal.unit, "stands": verdict}
             for goal, value, verdict in judged(found.figures)}  # fmt: skip
    return {
        "machine": dict(machine),
        "how": dict(how),
        "tables": found.tables,
        "goals": goals,
        "ratios": found.ratios,
        "details": found.details,
    }


def text(found: Found) -> str:
    """The tables of a run, then every goal with where it stands."""
    lines: list[str] = []
    for scenario, rows in found.tables.items():
        lines += ["", scenario.upper(), "".join([f"{'server':34}", *(f"{title:>10}" for _, title, _ in COLUMNS)])]
        for name, row in rows.items():
            lines.append("".join([f"{name:34}", *(f"{form.format(row[key]):>10}" for key, _, form in COLUMNS)]))
    lines += ["", f"{'goal':44}{'value':>10}{'must':>10}{'aim':>10}  stands"]
    for goal, value, verdict in judged(found.figures):
        if value is None:
            continue
        shown = f"{value:.4g}"
        lines.append(
            f"{goal.name + (f' [{goal.unit}]' if goal.unit else ''):44}{shown:>10}{goal.must:>10g}{goal.aim:>10g}  {verdict}"
        )
    return "\n".join([*lines, "", *(f"{name}: {json.dumps(value)}" for name, value in found.details.items())])


def against_baseline(ratios: Mapping[str, float]) -> str:
    """How far this run's ratios are from the committed ones; a report, never a verdict."""
    if not BASELINE.exists():
        return "no baseline is committed yet; write one with --write-baseline"
    kept = json.loads(BASELINE.read_text())
    changes = drift(ratios, kept["ratios"])
    lines = [f"{'ratio':44}{'baseline':>10}{'now':>10}{'change':>9}"]
    for name, change in changes.items():
        note = "  look at this" if abs(change) > NOTICEABLE else ""
        lines.append(f"{name:44}{kept['ratios'][name]:>10.3f}{ratios[name]:>10.3f}{change:>+9.0%}{note}")
    return "\n".join([*lines, f"baseline measured on {kept['machine']['processor']}; +-30 % is noise"])


def write_baseline(whole: Mapping[str, Any]) -> None:
    """Keep this run's ratios in place of the earlier ones: a baseline is one run."""
    rounded = {name: round(value, 4) for name, value in whole["ratios"].items()}
    baseline = {"machine": whole["machine"], "how": whole["how"], "ratios": rounded}
    BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")
