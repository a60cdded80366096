"""What must go on whatever the service is busy with: health, and the signs of life of a silent stream."""

import threading
from statistics import median

import pytest

from tests.running import service, write_config
from tests.talking import Crowd, Talk, request

MODELS = """
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

import headworks


class Row(msgspec.Struct):
    values: list[float]
    notes: list[str] = []


class Total(headworks.Model):
    def predict(self, row: Row) -> float:
        return sum(row.values)


class Silent(headworks.Model):
    def predict(self, row: str) -> Iterator[str]:
        yield "first"
        while not Path(os.environ["GATE"]).exists():
            time.sleep(0.01)
        yield "last"
"""
CONFIG = """
models:
  total: {python: "own:Total"}
  silent: {python: "own:Silent", env: {GATE: "GATE_FILE"}, hard_timeout: 60s}
endpoints:
  total: {v1: {targets: [total], timeout: 60s}}
  silent: {v1: {targets: [silent], timeout: 60s}}
logs: {calls: false}
"""
ASKED = 40
CALLERS, LARGE_CALLERS = 32, 4
LARGE = {"values": [0.123456789012345] * 150_000, "notes": ["many words " * 300_000] * 3}


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("busy")
    (folder / "own.py").write_text(MODELS)
    config = write_config(folder, CONFIG.replace("GATE_FILE", str(folder / "open")), models=())
    with service(config, folder / "home") as running:
        running.gate = folder / "open"
        yield running


def answered_meanwhile(busy, crowd):
    """For each of some questions about health, how many calls of the crowd were answered before it was."""
    passed = []
    for path in ("/health/live", "/health/ready") * (ASKED // 2):
        before = len(crowd.kept)
        assert busy.get(path, key="").status == 200
        passed.append(len(crowd.kept) - before)
        crowd.until(1)
    return passed


def test_health_waits_for_no_more_than_the_calls_of_a_round(busy):
    def call(talk, client):
        answer = talk.call("/api/total/v1", {"values": [1.0, client]})
        assert answer.status == 200, answer.body
        return answer.json

    with Crowd(busy.port, busy.make_key("many"), call, clients=CALLERS) as crowd:
        crowd.until(CALLERS)
        passed = answered_meanwhile(busy, crowd)

    assert median(passed) <= CALLERS
    assert sorted(passed)[ASKED * 9 // 10] <= 2 * CALLERS


def test_health_does_not_queue_behind_calls_of_ten_megabytes(busy):
    key = busy.make_key("large")
    whole = request("/api/total/v1", LARGE, key=key)

    def call(talk, client):
        talk.send(whole)
        answer = talk.answer()
        assert answer.status == 200, answer.body
        return answer.json

    with Crowd(busy.port, key, call, clients=LARGE_CALLERS) as crowd:
        crowd.until(1)
        passed = answered_meanwhile(busy, crowd)

    assert len(whole) > 10_000_000
    assert median(passed) == 0
    assert sorted(passed)[ASKED * 9 // 10] < LARGE_CALLERS


@pytest.mark.slow
def test_a_silent_stream_says_now_and_then_that_it_is_alive(busy):
    """In the native form, by a comment that clients of event streams pass over."""
    with Talk(busy.port, busy.make_key("silent"), timeout=40) as talk:
        opener = threading.Timer(0, busy.gate.touch)
        talk.ask("/api/silent/v1", "go", headers={"Accept": "text/event-stream"})
        said = b""
        while b": keep-alive\n\n" not in said:
            said += talk.read()
        opener.start()
        while b"event: end" not in said:
            said += talk.read()
        opener.join()

    assert said.index(b'data: "first"') < said.index(b": keep-alive\n\n") < said.index(b'data: "last"')
