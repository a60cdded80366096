"""A start that takes its time says at once where it will listen, what it loads and what is still missing."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.running import COMMAND, Running, write_config

MODELS = """
import pathlib
import time

import headworks


class Quick(headworks.Model):
    def predict(self, text: str) -> str:
        return text


class Slow(Quick):
    def load(self) -> None:
        while not pathlib.Path("go").exists():
            time.sleep(0.01)


class Broken(Quick):
    def load(self) -> None:
        raise LookupError("there are no weights")
"""
CONFIG = """
models:
  quick: {{python: "models:Quick"}}
  other: {{python: "models:{other}"}}
endpoints:
  quick: {{v1: {{targets: [quick]}}}}
  other: {{v1: {{targets: [other]}}}}
"""


@pytest.fixture
def begun(tmp_path):
    """Begins to serve in a folder, and does not wait for anything."""
    processes = []

    def begin(other):
        (tmp_path / "models.py").write_text(MODELS)
        config = write_config(tmp_path, CONFIG.format(other=other), models=())
        process = subprocess.Popen(
            [
                *COMMAND,
                "serve",
                str(config),
                "--home",
                str(tmp_path / "home"),
                "--port",
                "0",
                "--json",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
        )
        processes.append(Running(process, Path(tmp_path / "home")))
        return processes[-1]

    yield begin
    for running in processes:
        running.stop(signal.SIGKILL)


def events(running, name):
    told = [json.loads(line) for line in list(running.log) if line.startswith("{")]
    return [line for line in told if line["event"] == name]


def test_a_model_that_loads_long_is_named_while_it_does(begun, tmp_path):
    running = begun("Slow")
    running.until(lambda: events(running, "model_ready") and events(running, "listening"))
    running.port = int(events(running, "listening")[0]["url"].rpartition(":")[2])
    health = running.get("/health/ready", key="")
    loading, ready = ({line["model"] for line in events(running, f"model_{state}")} for state in ("loading", "ready"))

    assert json.loads(running.log[0])["event"] == "starting"
    assert events(running, "starting")[0]["listens_on"] == "http://127.0.0.1:0"
    assert (loading, ready) == ({"quick", "other"}, {"quick"})
    assert events(running, "model_ready")[0]["took_s"] > 0
    assert (health.status, health.json["waiting_for"]) == (503, ["model other"])
    running.process.send_signal(signal.SIGHUP)
    running.until(lambda: events(running, "reload_refused"))
    (tmp_path / "go").touch()
    running.wait_for()
    running.until(lambda: len(events(running, "model_ready")) == 2)
    assert running.get("/health/ready", key="").json["waiting_for"] == []
    assert running.stop() == 0
    assert [line["event"] for line in map(json.loads, running.log)][-2:] == ["stopping", "stopped"]


def test_a_model_that_fails_is_named_while_others_load(begun, tmp_path):
    running = begun("Broken")
    running.until(lambda: events(running, "model_failed"))
    (failed,) = events(running, "model_failed")

    assert (failed["model"], failed["level"]) == ("other", "error")
    assert "LookupError" in failed["reason"]
    assert running.process.wait(30) == 1


def test_a_start_that_is_given_up_accuses_no_model(begun):
    running = begun("Slow")
    running.until(lambda: events(running, "model_ready") and events(running, "listening"))

    assert running.stop() == 0
    assert events(running, "model_failed") == []
