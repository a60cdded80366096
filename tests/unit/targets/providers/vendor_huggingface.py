"""Hugging Face's own client on loopback: what it sends for a task, and whether it understands an answer."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from huggingface_hub import InferenceClient

from headworks.targets.providers.wire import HttpRequest, HttpResponse


class Server(HTTPServer):
    """Answers every POST with one document and keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = json.dumps(answer).encode()
        self.asked: tuple[dict[str, str], bytes] | None = None


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked = (headers, self.rfile.read(int(headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *words: Any) -> None:
        pass


def called(answer: Any, call: Callable[[InferenceClient, str], Any]) -> tuple[dict[str, str], bytes, Any]:
    """What the client sent, and what it made of the answer; `call` gets it and the address to name as the model."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        client = InferenceClient(provider="hf-inference", token="hf_x")
        understood = call(client, f"http://127.0.0.1:{server.server_port}/")
        assert server.asked is not None
        return (*server.asked, understood)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def same_body(ours: HttpRequest, headers: dict[str, str], body: bytes) -> bool:
    """Whether ours says the same."""
    fields = dict(ours.headers)
    if fields["content-type"] != "application/json":
        assert fields["content-type"] == headers.get("content-type", fields["content-type"])
        return ours.body == body
    assert json.loads(ours.body) == json.loads(body)
    return True


def reply(document: Any, **headers: str) -> HttpResponse:
    return HttpResponse(200, {"content-type": "application/json"} | headers, json.dumps(document).encode())
