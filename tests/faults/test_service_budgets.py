"""Budgets of a real service: never overspent however many ask at once, and no drift whatever ends the service."""

import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing

import pytest

from tests.heavy import times
from tests.running import service, start, write_config
from tests.talking import Talk
from tests.upstreams import upstream

CALLERS = 500
KILLS = times(4, 20)
ASKED = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}
# an attempt holds 1 USD: its output cap of 10 tokens at 100,000 USD a million; used are 3 tokens
CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: k}}
endpoints:
  chat: {{v1: {{task: chat, targets: ["up/m"], timeout: 20s}}}}
prices:
  up/m: {{input: 0, output: 100000}}
budgets:
  all: {{limit: {limit} USD, period: total}}
logs: {{calls: false}}
"""


def configured(tmp_path, url, limit):
    return write_config(tmp_path, CONFIG.format(url=url, limit=limit))


def sums(home):
    """What the tables say was spent and is held, and what the closed rows cost together, in millionths."""
    with closing(sqlite3.connect(home / "records.db")) as records:
        (spent,) = records.execute("SELECT coalesce(sum(micros), 0) FROM spent").fetchone()
        (held,) = records.execute("SELECT coalesce(sum(micros), 0) FROM reserved").fetchone()
        (cost,) = records.execute("SELECT coalesce(sum(cost_micros), 0) FROM records WHERE kind = 'closed'").fetchone()
    return spent, held, cost


def test_of_500_callers_at_once_on_a_budget_for_10_exactly_10_are_served(tmp_path):
    with upstream() as (up, url), service(configured(tmp_path, url, 10), tmp_path / "home") as running:
        up.gate.clear()
        up.usage = {"prompt_tokens": 0, "completion_tokens": 10, "total_tokens": 10}
        statuses: Counter[int] = Counter()

        def one():
            with Talk(running.port, running.key) as talk:
                statuses[talk.call("/api/chat/v1", ASKED).status] += 1

        crowd = [threading.Thread(target=one) for _ in range(CALLERS)]
        for caller in crowd:
            caller.start()
        running.until(lambda: statuses[402] == CALLERS - 10)
        up.gate.set()
        for caller in crowd:
            caller.join(30)
        last = running.call("/api/chat/v1", ASKED)

        assert statuses == {200: 10, 402: CALLERS - 10}
        assert len(up.asked) == 10
        assert last.status == 402
        assert last.json["code"] == "budget_exhausted"
        running.stop()
    assert sums(tmp_path / "home") == (10_000_000, 0, 10_000_000)


def test_what_a_call_did_not_use_can_be_spent_by_the_next(tmp_path):
    with upstream() as (_, url), service(configured(tmp_path, url, 1), tmp_path / "home") as running:
        statuses = [running.call("/api/chat/v1", ASKED).status for _ in range(2)]

        told = running.cli("usage", "--by", "endpoint,target")
        over_http = running.get("/admin/usage?by=endpoint,target&format=csv", key=running.admin_key)

    assert statuses == [200, 402]
    assert [(row["endpoint"], row["target"], row["calls"], row["cost"]) for row in told] == [
        ("chat/v1", "up/m", 1, 0.3)
    ]
    assert over_http.body.decode().splitlines()[1].startswith("chat/v1,up/m,1,")
    assert sums(tmp_path / "home") == (300_000, 0, 300_000)


@pytest.mark.parametrize(("status", "told"), [(400, 400), (429, 503), (500, 502)])
def test_a_refusal_of_the_provider_costs_nothing(tmp_path, status, told):
    with upstream() as (up, url), service(configured(tmp_path, url, 1), tmp_path / "home") as running:
        up.status = status
        refused = running.call("/api/chat/v1", ASKED)

    assert refused.status == told
    assert len(up.asked) >= 1
    assert sums(tmp_path / "home") == (0, 0, 0)


@pytest.mark.heavy
def test_kill_9_with_money_held_charges_it_in_full_and_nothing_drifts(tmp_path):
    home, key = tmp_path / "home", None
    with upstream() as (up, url):
        config = configured(tmp_path, url, 1_000_000)
        for _ in range(KILLS):
            running = start(config, home, key=key)
            key = running.key
            for _ in range(3):
                assert running.call("/api/chat/v1", ASKED).status == 200
            up.gate.clear()
            before = len(up.asked)
            hanging = [Talk(running.port, key) for _ in range(5)]
            for talk in hanging:
                talk.ask("/api/chat/v1", ASKED)
            running.until(lambda before=before: len(up.asked) == before + 5)
            running.stop(signal.SIGKILL)
            for talk in hanging:
                talk.close()
            up.gate.set()
        with service(config, home, key=key) as running:
            verified = running.cli("records", "verify")
            served = running.call("/api/chat/v1", ASKED).status

    spent, held, cost = sums(home)
    assert served == 200
    assert held == 0
    assert spent == cost == KILLS * (3 * 300_000 + 5 * 1_000_000) + 300_000
    assert verified["whole"]
