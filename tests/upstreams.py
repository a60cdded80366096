"""A service outside, for tests: OpenAI-shaped chat and embeddings on loopback, whose answers and failures the test chooses."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.loopback import listening

_TYPES = {400: "invalid_request_error", 429: "rate_limit_error", 500: "server_error"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


class Upstream:
    """What it was asked (documents, and paths with header fields), and how it answers: `status` other than 200 refuses, so does a `refusal` of status and document; those of a `script` come before it, one a request; an empty `gate` holds answers back."""

    def __init__(self):
        self.asked = []
        self.heads = []
        self.status = 200
        self.refusal = None
        self.script = []
        self.usage = USAGE
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()

    def answer(self, document):
        """Status and body for a request."""
        with self._lock:
            self.asked.append(document)
        self.gate.wait(20)
        if self.script:
            return self.script.pop(0)
        if self.refusal is not None:
            return self.refusal
        if self.status != 200:
            return self.status, {"error": {"message": "no", "type": _TYPES[self.status], "code": None}}
        if "input" in document:
            vector = [float(document["input"].count(letter)) for letter in "aeiouhmnrst"]
            data = [{"object": "embedding", "index": 0, "embedding": vector}]
            return 200, {
                "object": "list",
                "data": data,
                "model": document["model"],
                "usage": {"prompt_tokens": 5, "total_tokens": 5},
            }
        message = {"role": "assistant", "content": "Hello"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        reply = {"id": "c", "object": "chat.completion", "created": 1, "model": document["model"], "choices": [choice]}
        return 200, {**reply, "usage": self.usage}


@contextmanager
def upstream():
    """An upstream that listens; gives it and its base URL."""
    up = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            up.heads.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, document = up.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            body = json.dumps(document).encode()
            head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        def log_message(self, *words):
            pass

    with listening(Handler, up.gate) as url:
        yield up, url
