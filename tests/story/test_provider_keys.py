"""A service outside refuses one of our keys: the next one serves, and the log says so once, never the key."""

import json

from tests.running import service, write_config
from tests.upstreams import upstream

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{up}", api_keys: [{first}, {second}]}}
endpoints:
  chat: {{v1: {{task: chat, targets: ["up/m"]}}}}
"""
FIRST, SECOND = "sk-first-d1f00d5e", "sk-second-d1f00d5e"
HI = {"messages": [{"role": "user", "content": "hi"}]}
REFUSED = (401, {"error": {"message": f"bad key {FIRST}", "type": "invalid_request_error", "code": "invalid_api_key"}})


def lines(running, event):
    return [line for line in map(json.loads, running.log) if line["event"] == event]


def test_a_refused_key_makes_room_for_the_next_and_the_log_names_it_once_by_its_place(tmp_path):
    with upstream() as (up, url):
        config = write_config(tmp_path, CONFIG.format(up=url, first=FIRST, second=SECOND))
        with service(config, tmp_path / "home") as running:
            up.script = [REFUSED]
            answers = [running.call("/api/chat/v1", HI).status for _ in range(3)]
            running.until(lambda: lines(running, "provider_key_refused"))
            up.script = [REFUSED]
            alone = running.call("/api/chat/v1", HI)
            running.until(lambda: len(lines(running, "provider_key_refused")) == 2)
            text = "".join(running.log)

    (first, second) = lines(running, "provider_key_refused")
    assert answers == [200, 200, 200]
    assert alone.status == 502
    assert (first["level"], first["provider"], first["key"], first["keys"]) == ("warning", "up", 1, 2)
    assert (second["level"], second["key"], second["others_left"]) == ("error", 2, 0)
    assert FIRST not in text
    assert SECOND not in text
