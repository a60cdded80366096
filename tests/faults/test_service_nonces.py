"""No answer ever reaches another caller: every call says what only it knows, and takes back nothing else.

Whole connections are cut, deadlines pass and workers die meanwhile.
"""

import json
import os
import random
import signal
from contextlib import ExitStack, suppress
from secrets import token_hex

import pytest

from tests.heavy import times
from tests.running import service, write_config
from tests.talking import Crowd, Talk

CALLS = times(10_000, 100_000)
CLIENTS = 8
AT_ONCE = 4
CALLS_PER_KILL = 500
CONFIG = """
models:
  together: {python: "hard:Together", replicas: 2}
  alone: {python: "hard:Alone"}
  pieces: {python: "hard:Pieces"}
endpoints:
  together: {v1: {targets: [together]}}
  alone: {v1: {targets: [alone]}}
  pieces: {v1: {targets: [pieces]}}
logs: {calls: false}
"""
EVENTS = {"Accept": "text/event-stream"}
PATHS = ("/api/together/v1", "/api/together/v1", "/api/alone/v1", "/api/pieces/v1")
ENDINGS = {"model_crashed", "model_unavailable", "overloaded", "deadline_exceeded"}


class Caller:
    """Asks several things at once on one connection, sometimes leaves before the answers, and compares."""

    def __init__(self, port, key, number):
        self._chance = random.Random(number)
        self._port, self._key = port, key
        self._talk = None
        self.foreign = []

    def __call__(self):
        """A few calls; gives how each ended."""
        chance = self._chance
        self._talk = self._talk or Talk(self._port, self._key)
        asked = [self._ask(self._talk) for _ in range(chance.randint(1, AT_ONCE))]
        if chance.random() < 0.15:
            self._leave()
            return ["left"] * len(asked)
        return [self._compare(nonce, self._talk.answer()) for nonce in asked]

    def leave(self):
        """Close what is open."""
        if self._talk is not None:
            self._talk.close()

    def _ask(self, talk):
        nonce, path = token_hex(16), self._chance.choice(PATHS)
        headers = dict(EVENTS) if path == "/api/pieces/v1" and self._chance.random() < 0.7 else {}
        if self._chance.random() < 0.1:
            headers["X-Deadline-Ms"] = str(self._chance.randint(1, 15))
        talk.ask(path, {"text": nonce}, headers=headers)
        return nonce

    def _leave(self):
        with suppress(OSError):
            self._chance.choice((self._talk.close, self._talk.reset))()
        self._talk = None

    def _compare(self, nonce, answer):
        if answer.status != 200:
            assert answer.json["code"] in ENDINGS, answer.body
            assert b'"text"' not in answer.body
            return answer.json["code"]
        if {text["text"] for text in texts_of(answer)} - {nonce}:
            self.foreign.append((nonce, answer))
        return "answered"


def texts_of(answer):
    """Every document in an answer, alone, in an array or in events."""
    if answer.headers["content-type"] == "text/event-stream":
        events = [event.splitlines() for event in answer.body.decode().split("\n\n") if event]
        return [json.loads(event[0].removeprefix("data: ")) for event in events if len(event) == 1]
    return answer.json if isinstance(answer.json, list) else [answer.json]


@pytest.mark.heavy
def test_no_answer_reaches_another_caller_whatever_is_cut_late_or_killed(tmp_path):
    config = write_config(tmp_path, CONFIG, models=("hard.py",))
    chance, kills = random.Random(17), 0
    with ExitStack() as stack, service(config, tmp_path / "home") as running:
        callers = [Caller(running.port, running.make_key(f"caller-{n}"), n) for n in range(CLIENTS)]
        for caller in callers:
            stack.callback(caller.leave)
        with Crowd(running.port, running.key, lambda talk, n: callers[n](), CLIENTS) as crowd:
            while sum(map(len, crowd.kept)) < CALLS:
                crowd.until(CALLS_PER_KILL // 2)
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(running.workers()), signal.SIGKILL)
                    kills += 1
        unknown = running.metric("headworks_model_unknown_answers_total")
        verdict = running.cli("records", "verify")

    ends = [end for kept in crowd.kept for end in kept]
    told = {end: ends.count(end) for end in sorted(set(ends))}
    print(f"\n{len(ends)} calls, {kills} workers killed: {told}")
    assert [foreign for caller in callers for foreign in caller.foreign] == []
    assert ends.count("answered") > len(ends) // 2
    assert unknown == 0
    assert verdict["whole"]
