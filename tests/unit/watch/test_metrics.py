import math
import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headworks.watch.ended import Ended
from headworks.watch.metrics import MOST_CELLS, MOST_READINGS, MOST_WORKS, Metrics
from headworks.watch.process import publish_process
from tests.unit.watch.entries import make_entry

LABELS = {"route": "/api/{endpoint}/v{n}", "endpoint": "sentiment", "version": "v1"}


def samples(metrics):
    families = list(text_string_to_metric_families(metrics.page().decode()))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(metrics, name, **labels):
    return samples(metrics)[name, tuple(sorted(labels.items()))]


def counted(*entries):
    metrics = Metrics()
    ended = Ended(lambda: None)
    for entry in entries:
        ended.add(entry)
    for kind, own in ended.take():
        metrics.count(kind, own)
    return metrics


def test_calls_are_counted_by_route_endpoint_version_and_outcome():
    metrics = counted(make_entry(), make_entry(), make_entry(outcome="model_error", status=502), make_entry(version=2))

    assert value(metrics, "headworks_requests_total", **LABELS, outcome="ok") == 2
    assert value(metrics, "headworks_requests_total", **LABELS, outcome="model_error") == 1
    assert value(metrics, "headworks_requests_total", **{**LABELS, "version": "v2"}, outcome="ok") == 1


def test_durations_fall_into_cumulative_buckets():
    metrics = counted(make_entry(total_us=500), make_entry(total_us=501), make_entry(total_us=11_000_000))

    name = "headworks_request_duration_seconds"
    assert value(metrics, f"{name}_bucket", **LABELS, le="0.0005") == 1
    assert value(metrics, f"{name}_bucket", **LABELS, le="0.001") == 2
    assert value(metrics, f"{name}_bucket", **LABELS, le="10") == 2
    assert value(metrics, f"{name}_bucket", **LABELS, le="+Inf") == 3
    assert value(metrics, f"{name}_count", **LABELS) == 3
    assert value(metrics, f"{name}_sum", **LABELS) == pytest.approx(11.001001)


def test_queue_model_and_batch_are_measured_of_calls_that_reached_a_model():
    metrics = counted(make_entry(), make_entry(batch_rows=0, outcome="schema_violation", status=422))

    assert value(metrics, "headworks_queue_duration_seconds_sum", **LABELS) == pytest.approx(0.0007)
    assert value(metrics, "headworks_model_duration_seconds_count", **LABELS) == 1
    assert value(metrics, "headworks_batch_rows_bucket", **LABELS, le="4") == 1
    assert value(metrics, "headworks_batch_rows_bucket", **LABELS, le="2") == 0


def test_rows_and_bytes_are_summed():
    metrics = counted(make_entry(), make_entry())

    assert value(metrics, "headworks_rows_total", **LABELS) == 4
    assert value(metrics, "headworks_request_bytes_total", **LABELS) == 200
    assert value(metrics, "headworks_reply_bytes_total", **LABELS) == 100


def test_too_many_endpoints_are_counted_together():
    metrics = counted(*(make_entry(endpoint=f"e{number}", batch_rows=0) for number in range(MOST_WORKS + 50)))

    found = {key: count for key, count in samples(metrics).items() if key[0] == "headworks_requests_total"}
    assert len(found) == MOST_WORKS + 1
    assert sum(found.values()) == MOST_WORKS + 50
    assert value(metrics, "headworks_requests_total", route="other", endpoint="", version="", outcome="other") == 50


def test_too_many_outcomes_are_counted_together():
    metrics = counted(*(make_entry(outcome=f"o{number}") for number in range(MOST_CELLS + 50)))

    assert value(metrics, "headworks_requests_total", route="other", endpoint="", version="", outcome="other") == 50


def test_readings_are_taken_when_the_page_is_asked_for():
    metrics, depth = Metrics(), [1]
    metrics.read("queue_rows", "Rows that wait.", lambda: depth[0])
    depth[0] = 7

    assert value(metrics, "queue_rows") == 7


def test_readings_may_have_labels_that_need_escaping():
    metrics = Metrics()
    metrics.read("workers", 'Ready "workers"\nby\\model.', lambda: [({"model": 'a"b\\c\nd'}, 2), ({"model": "x"}, 0.5)])

    assert value(metrics, "workers", model='a"b\\c\nd') == 2
    assert value(metrics, "workers", model="x") == 0.5


def test_a_reading_that_fails_is_left_out_and_the_rest_stands():
    def gone():
        raise FileNotFoundError

    metrics = counted(make_entry())
    metrics.read("gone", "Gone.", gone)
    metrics.read("there", "There.", lambda: math.inf)

    names = {name for name, _ in samples(metrics)}
    assert "gone" not in names
    assert {"there", "headworks_requests_total"} <= names


def test_readings_are_bounded():
    metrics = Metrics()
    metrics.read("many", "Many.", lambda: (({"n": str(n)}, n) for n in range(MOST_READINGS * 2)))

    assert len(samples(metrics)) == MOST_READINGS


def test_every_family_says_what_it_is_once():
    lines = counted(make_entry(), make_entry(endpoint="other")).page().decode().splitlines()
    heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]

    assert len(heads) == len(set(heads)) == 8
    assert all(line for line in lines)


def test_a_process_is_published_under_the_usual_names():
    metrics = Metrics()
    publish_process(metrics, os.getpid())

    assert value(metrics, "process_resident_memory_bytes") > 2**20
    assert value(metrics, "process_cpu_seconds_total") > 0
    assert value(metrics, "process_open_fds") > 2


def test_a_process_that_ended_is_left_out():
    metrics = Metrics()
    publish_process(metrics, 2**22 + 1)

    assert samples(metrics) == {}
