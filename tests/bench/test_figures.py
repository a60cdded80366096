"""The harness's arithmetic."""

import math

import pytest
from bench.figures import Goal, Round, Slice, drift, percentile, single_times, summary, times


def make_slice(requests: int = 1000, p50_us: float = 100.0, cpu_s: float = 0.05, errors: int = 0) -> Slice:
    return Slice(requests, errors, 1.0, p50_us, 2 * p50_us, cpu_s)


def make_round(requests: int = 1000, single_us: float = 100.0, errors: int = 0) -> Round:
    return Round(make_slice(requests, errors=errors), make_slice(10, single_us))


def test_a_slice_knows_its_rate_and_its_cpu_per_call() -> None:
    found = Slice(requests=4000, errors=0, seconds=2.0, p50_us=1, p99_us=2, cpu_s=0.2)

    assert found.rps == 2000
    assert found.cpu_us == pytest.approx(50)


def test_a_slice_without_answers_has_no_cpu_figure() -> None:
    assert make_slice(requests=0).cpu_us == math.inf


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_percentiles_are_of_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile(range(1, 101), share) == expected


def test_the_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 0.99) == 0


def test_a_ratio_is_the_median_of_the_ratios_within_each_round() -> None:
    ours = [make_round(3000), make_round(300), make_round(4000)]
    theirs = [make_round(1000), make_round(100), make_round(1000)]

    assert times(ours, theirs) == 3


def test_ratios_refuse_rounds_that_do_not_match() -> None:
    with pytest.raises(ValueError, match="zip"):
        times([make_round()], [make_round(), make_round()])


def test_the_latency_ratio_is_of_the_single_connection() -> None:
    assert single_times([make_round(single_us=50)], [make_round(single_us=200)]) == 0.25


def test_a_ratio_to_nothing_is_not_a_number() -> None:
    assert math.isnan(times([make_round()], [make_round(0)]))


def test_a_summary_takes_medians_and_adds_up_errors() -> None:
    found = summary([make_round(1000, errors=1), make_round(3000), make_round(2000, errors=2)])

    assert (found["rps"], found["rps_best"], found["errors"]) == (2000, 3000, 3)


@pytest.mark.parametrize(
    ("goal", "value", "expected"),
    [
        (Goal("cost", 90, 65), 60, "aim"),
        (Goal("cost", 90, 65), 90, "must"),
        (Goal("cost", 90, 65), 91, "SHORT"),
        (Goal("speed", 2.5, 4, more_is_better=True), 4, "aim"),
        (Goal("speed", 2.5, 4, more_is_better=True), 3, "must"),
        (Goal("speed", 2.5, 4, more_is_better=True), 2.4, "SHORT"),
        (Goal("cost", 90, 65), None, "not measured"),
        (Goal("cost", 90, 65), math.nan, "not measured"),
    ],
)
def test_a_goal_says_where_a_value_stands(goal: Goal, value: float | None, expected: str) -> None:
    assert goal.verdict(value) == expected


def test_drift_is_the_share_of_change_of_the_ratios_both_runs_have() -> None:
    assert drift({"a": 3.0, "new": 1.0}, {"a": 2.0, "gone": 1.0}) == {"a": 0.5}
