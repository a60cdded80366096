"""kill -9 while batches are begun and seen to have ended: each is booked once, and budgets hold what the sums say."""

import base64
import json
import os
import signal
import threading
from contextlib import suppress

import apsw

from tests.keeping import KEY, account, listed
from tests.running import start, write_config
from tests.talking import Talk

KILLS = int(os.environ.get("HEADWORKS_KILLS", "20" if os.environ.get("HEADWORKS_HEAVY") else "4"))
CALLERS = 4
CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: {key}}}
endpoints:
  files: {{v1: {{task: files, targets: ["up/files"]}}}}
  batches: {{v1: {{task: batches, targets: ["up/batches"]}}}}
  talk: {{v1: {{task: chat, targets: ["up/m"]}}}}
prices:
  up/m: {{input: 1000, output: 10000, batch: 0.5}}
budgets:
  all: {{limit: 100000 USD, period: total}}
logs: {{calls: false}}
"""
LINE = {"custom_id": "1", "url": "/v1/chat/completions", "body": {"model": "talk", "messages": [], "max_tokens": 100}}
BATCH_MICROS = 10 * 500 + 7 * 5000


def test_kill_9_at_any_moment_books_every_batch_once(tmp_path):
    with account() as (kept, url):
        config, home = write_config(tmp_path, CONFIG.format(url=url, key=KEY)), tmp_path / "home"
        running, seen = start(config, home), []
        admin, keys = running.key, [running.make_key(f"caller-{number}") for number in range(CALLERS)]
        files = [uploaded(running, key) for key in keys]
        for kill in range(KILLS):
            crowd = [
                threading.Thread(target=working, args=(running, kept, *each, seen))
                for each in zip(keys, files, strict=True)
            ]
            for caller in crowd:
                caller.start()
            enough = len(seen) + 20 + 7 * kill
            running.until(lambda enough=enough: len(seen) >= enough)
            running.stop(signal.SIGKILL)
            for caller in crowd:
                caller.join(20)
            running = start(config, home, key=admin)
        for batch in list(kept.batches):
            if kept.batches[batch]["status"] == "validating":
                kept.finish_batch(batch)
        owned = [listed(running, key, "batches") for key in keys]
        again = [listed(running, key, "batches") for key in keys]
        rows = running.cli("usage", "--by", "target")
        running.stop()
        sums = spent_in(home)

    booked = sum(map(len, owned))
    micros = {row["target"]: round(row["cost"] * 1_000_000) for row in rows}
    cut_off = micros.get("-", 0)
    assert owned == again
    assert booked >= len(seen) > 0
    assert micros["up/batches"] == booked * BATCH_MICROS
    assert cut_off <= KILLS * CALLERS * held_micros()
    assert cut_off % held_micros() == 0
    assert sums == sum(micros.values())


def held_micros():
    """The most that one batch may cost."""
    body = {**LINE["body"], "model": "talk"}
    return len(json.dumps(body, separators=(",", ":"))) * 500 + 100 * 5000


def spent_in(home):
    """What the budget has taken, by the home's own sums."""
    connection = apsw.Connection(str(home / "records.db"), flags=apsw.SQLITE_OPEN_READONLY)
    ((micros,),) = connection.execute(
        "SELECT sum(micros) FROM (SELECT micros FROM spent UNION ALL SELECT micros FROM reserved)"
    )
    return micros


def uploaded(running, key):
    file = base64.b64encode(json.dumps(LINE).encode()).decode()
    return running.call("/api/files/v1", {"action": "create", "purpose": "batch", "file": file}, key=key).json["id"]


def working(running, kept, key, file, seen):
    """Begin batches, have them worked off, and look, until the service is gone."""
    body = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    with suppress(OSError), Talk(running.port, key) as talk:
        while True:
            batch = talk.call("/api/batches/v1", {"action": "create", "body": body}).json["id"]
            kept.finish_batch(batch)
            talk.call("/api/batches/v1", {"action": "retrieve", "id": batch})
            seen.append(batch)
