"""kill -9 while things are made at a provider: what was answered is its owner's, what was not is nobody's or the owner's."""

import base64
import os
import signal
import threading
from contextlib import suppress

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
logs: {{calls: false}}
"""


def test_kill_9_at_any_moment_loses_no_owner_and_makes_none(tmp_path):
    answered = {number: [] for number in range(CALLERS)}
    keys, key = [], None
    with account() as (kept, url):
        config, home = write_config(tmp_path, CONFIG.format(url=url, key=KEY)), tmp_path / "home"
        for kill in range(KILLS):
            running = start(config, home, key=key)
            key = running.key
            keys = keys or [running.make_key(f"caller-{number}") for number in range(CALLERS)]
            crowd = [threading.Thread(target=sending, args=(running, keys[n], n, answered[n])) for n in answered]
            for caller in crowd:
                caller.start()
            enough = sum(map(len, answered.values())) + 20 + 7 * kill
            running.until(lambda enough=enough: sum(map(len, answered.values())) >= enough)
            running.stop(signal.SIGKILL)
            for caller in crowd:
                caller.join(20)
        running = start(config, home, key=key)
        owned = [listed(running, each, "files") for each in keys]
        verdict = running.cli("records", "verify")
        running.stop()

    for number, things in enumerate(owned):
        others = [thing for other, theirs in answered.items() if other != number for thing in theirs]
        assert set(answered[number]) <= set(things)
        assert not set(things) & set(others)
        assert {kept.contents[thing] for thing in things} == {b"%d" % number}
    assert verdict["whole"]
    assert set().union(*owned) <= set(kept.files)


def sending(running, key, number, answered):
    """Send files until the service is gone."""
    file = base64.b64encode(b"%d" % number).decode()
    with suppress(OSError), Talk(running.port, key) as talk:
        while True:
            answered.append(talk.call("/api/files/v1", {"action": "create", "purpose": "x", "file": file}).json["id"])
