"""A disk that is full: nothing is answered without its record, and all is well again once there is room."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.running import service, shell, write_config
from tests.talking import Talk
from tests.upstreams import upstream

SIZE = "24m"
CONFIG = """
models:
  echo: {python: "kinds:Echo"}
  count: {python: "kinds:Count"}
endpoints:
  echo: {v1: {targets: [echo]}}
  count: {v1: {targets: [count]}}
logs: {calls: false}
"""
OUTSIDE = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: k}}
endpoints:
  chat: {{v1: {{task: chat, targets: ["up/m"]}}}}
prices: {{up/m: {{input: 0, output: 1000}}}}
budgets: {{all: {{limit: 1000 USD, period: total}}}}
logs: {{calls: false}}
"""
TEXT = {"text": "a" * 60_000}
ASKED = {"messages": [{"role": "user", "content": "a" * 60_000}], "max_tokens": 10}

TRIES = 20
MOST = 4000
"""More than the room that is taken ahead can hold."""
STREAM = {"Accept": "text/event-stream"}


class Disk:
    """A small file system of its own, which no other process sees; it goes with the process that holds it."""

    def __init__(self, folder):
        folder.mkdir()
        mount = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" && echo ready && exec cat'
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", mount, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            pytest.skip("NO DISK WAS FILLED: this machine lets nobody mount a file system of its own")
        self.home = folder / "home"
        self._filler = Path(f"/proc/{self._holder.pid}/root{folder}/filler")
        self.inside = ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", f"--wdns={Path.cwd()}")

    def fill(self):
        """Leave no room at all."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def free(self):
        """Give the room back."""
        self._filler.unlink()

    def close(self):
        """Let it go."""
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait(10)


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("NO DISK WAS FILLED: only root may mount a file system")
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.close()


def key_of(number):
    return {"Idempotency-Key": f"full-{number}"}


def is_refused_and_unready(running, talk):
    """Whether a call is refused, and the service then says that it is not ready."""
    is_refused = talk.call("/api/echo/v1", TEXT).status == 503
    return is_refused and running.get("/health/ready", key="").status == 503


def until_refused(call):
    """Answers until the room is used up that was taken ahead, and some more."""
    answers = []
    for number in range(MOST):
        answers.append(call(number))
        if answers[-1].status == 503:
            break
    return answers + [call(number) for number in range(len(answers), len(answers) + TRIES)]


def test_a_full_disk_answers_503_and_nothing_unrecorded_and_recovers_without_a_restart(disk, tmp_path):
    config = write_config(tmp_path / "project", CONFIG)
    answers = []
    with service(config, disk.home, inside=disk.inside) as running, Talk(running.port, running.key) as talk:
        answers += [talk.call("/api/echo/v1", TEXT) for _ in range(3)]
        disk.fill()
        answers += until_refused(lambda _: talk.call("/api/echo/v1", TEXT))
        streams = until_refused(lambda _: talk.call("/api/count/v1", {"x": [1]}, headers=STREAM))
        claims = until_refused(lambda number: talk.call("/api/echo/v1", TEXT, headers=key_of(number)))
        unready = [is_refused_and_unready(running, talk) for _ in range(TRIES)]
        live = running.get("/health/live", key="")
        disk.free()
        running.wait_for("/health/ready")
        after = [talk.call("/api/echo/v1", TEXT) for _ in range(3)]
        refused = next((number for number, claim in enumerate(claims) if claim.status == 503))
        retried = talk.call("/api/echo/v1", TEXT, headers=key_of(refused))
        verified = shell("records", "verify", "--home", str(disk.home), inside=disk.inside)
        listed = shell("records", "list", "--limit", "10000", "--json", "--home", str(disk.home), inside=disk.inside)

    assert [answer.status for answer in answers[:3]] == [200] * 3
    # What is written over what lies there needs no room: now and then a call is answered, and then it is recorded.
    for asked in (answers, streams, claims):
        assert 503 in {answer.status for answer in asked} <= {200, 503}
    every = [*answers, *streams, *claims]
    refusals = [answer for answer in every if answer.status == 503]
    assert {answer.json["code"] for answer in refusals} == {"record_unavailable"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refusals)
    assert any(unready)
    assert live.status == 200
    assert [answer.status for answer in (*after, retried)] == [200] * 4
    answered = {answer.headers["x-request-id"] for answer in (*every, *after, retried) if answer.status == 200}
    assert answered - {call["request_id"] for call in json.loads(listed[1])} == set()
    assert verified[0] == 0, verified


def test_nothing_is_sent_outside_that_there_is_no_room_to_record(disk, tmp_path):
    with upstream() as (up, url):
        config = write_config(tmp_path / "project", OUTSIDE.format(url=url))
        with service(config, disk.home, inside=disk.inside) as running, Talk(running.port, running.key) as talk:
            before = talk.call("/api/chat/v1", ASKED)
            disk.fill()
            answers = [talk.call("/api/chat/v1", ASKED) for _ in range(2 * TRIES)]
            sent = len(up.asked) - 1
            disk.free()
            running.wait_for("/health/ready")
            after = talk.call("/api/chat/v1", ASKED)
            listed = shell(
                "records", "list", "--limit", "10000", "--json", "--home", str(disk.home), inside=disk.inside
            )
        verified = shell("records", "verify", "--home", str(disk.home), inside=disk.inside)

    statuses = [answer.status for answer in answers]
    answered = {answer.headers["x-request-id"] for answer in (before, after, *answers) if answer.status == 200}
    assert (before.status, after.status) == (200, 200)
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) <= sent < len(answers)
    assert answered <= {call["request_id"] for call in json.loads(listed[1])}
    assert verified[0] == 0, verified


def test_a_service_does_not_start_on_a_full_disk_and_says_why(disk, tmp_path):
    config = write_config(tmp_path / "project", CONFIG)
    disk.fill()
    code, told, errors = shell("serve", str(config), "--home", str(disk.home), "--port", "0", inside=disk.inside)

    assert code == 3, (code, errors)
    assert told == ""
    assert "Traceback" not in errors
    assert str(disk.home) in errors


def test_an_existing_home_without_room_is_refused_and_stays_whole(disk, tmp_path):
    config = write_config(tmp_path / "project", CONFIG)
    with service(config, disk.home, inside=disk.inside) as running:
        assert running.call("/api/echo/v1", TEXT).status == 200
    disk.fill()
    code, _, errors = shell("serve", str(config), "--home", str(disk.home), "--port", "0", inside=disk.inside)
    disk.free()
    verified = shell("records", "verify", "--home", str(disk.home), inside=disk.inside)

    assert code == 3, errors
    assert "Traceback" not in errors
    assert verified[0] == 0, verified
