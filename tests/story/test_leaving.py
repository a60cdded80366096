"""A caller who leaves a stream before its first content, by what the endpoint says of that."""

import json
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

from tests.loopback import listening
from tests.running import service, write_config
from tests.talking import Talk

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{url}", api_key: k, attempts: 1}}
endpoints:
  heard: {{v1: {{task: chat, targets: ["up/m"], on_disconnect: finish}}}}
  stopped: {{v1: {{task: chat, targets: ["up/m"]}}}}
prices:
  up/m: {{input: 1, output: 1}}
"""
HEAD = b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
ASKED = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


def chunk(choices, **more):
    told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
    return b"data: " + json.dumps(told).encode() + b"\n\n"


class Slow:
    """Says nothing until it is let; counts who was asked and who heard it to the end."""

    def __init__(self):
        self.asked, self.let = 0, threading.Event()


@contextmanager
def slow():
    up = Slow()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            up.asked += 1
            up.let.wait(20)
            with suppress(OSError):
                self.wfile.write(HEAD)
                for text in ("a", "b", "c"):
                    self.wfile.write(chunk([{"index": 0, "delta": {"content": text}, "finish_reason": None}]))
                self.wfile.write(chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
                self.wfile.write(chunk([], usage={"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}))
                self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *words):
            pass

    with listening(Handler, up.let) as url:
        yield up, url


def left_before_content(running, up, endpoint):
    """The record of a call whose caller went away while nothing had been said."""
    before = up.asked
    talk = Talk(running.port, running.key)
    talk.ask(f"/api/{endpoint}/v1", ASKED, headers={"Accept": "text/event-stream"})
    running.until(lambda: up.asked == before + 1)
    talk.reset()
    return before + 1


def closed(running, endpoint):
    calls = running.cli("records", "list", "--endpoint", endpoint)
    return [call["request_id"] for call in calls if call["outcome"] == "client_gone"]


def test_a_stream_that_had_not_begun_is_heard_out_or_stopped_as_the_endpoint_says(tmp_path):
    with slow() as (up, url), service(write_config(tmp_path, CONFIG.format(url=url)), tmp_path / "home") as running:
        for endpoint in ("heard", "stopped"):
            left_before_content(running, up, endpoint)
        running.until(lambda: closed(running, "stopped"))
        is_open = not closed(running, "heard")
        up.let.set()
        running.until(lambda: closed(running, "heard"))
        shown = {name: running.cli("records", "show", closed(running, name)[0]) for name in ("heard", "stopped")}

    texts = [
        each["choices"][0]["delta"].get("content") for each in json.loads(shown["heard"]["output"]) if each["choices"]
    ]
    assert is_open
    assert texts == ["a", "b", "c", None]
    assert shown["heard"]["usage"]["output_tokens"] == 3
    assert json.loads(shown["stopped"]["output"] or "[]") == []
