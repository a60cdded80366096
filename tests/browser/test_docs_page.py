"""The page at /docs in a real browser: it renders, calls, and never leaves its own origin."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headworks.admin.docs_page import HEADERS, PAGES, page
from headworks.admin.openapi import openapi
from headworks.contract import tasks
from headworks.contract.schema import contract_from
from tests.browser.chromium import BINARY, Chromium
from tests.unit.contracts import PHOTO, make_contract, make_endpoint

pytestmark = [pytest.mark.browser, pytest.mark.skipif(BINARY is None, reason="needs the Debian package chromium")]

NOW_S = 1_800_000_000.0
KEY = "hw_live_canary"


def sentiment(version: int, **policy: object) -> object:
    examples = ({"inputs": "It's <b>good</b>"}, {"inputs": "bad", "parameters": {"top_k": 1}})
    contract = contract_from(*tasks.schemas("text-classification"), is_batch=True, is_stream=False, examples=examples)
    return make_endpoint(contract, "sentiment", version, task="text-classification", **policy)


ENDPOINTS = (
    make_endpoint(make_contract(PHOTO), "photo"),
    sentiment(1, deprecated_wall_s=NOW_S - 1, sunset_wall_s=NOW_S + 9e6, successor="/api/sentiment/v2"),
    sentiment(2),
    make_endpoint(make_contract({"type": "string"}, is_stream=True), "tale"),
    make_endpoint(contract_from(*tasks.schemas("chat"), False, False, ()), "talk", task="chat"),
)


class Service(BaseHTTPRequestHandler):
    """The routes the page needs; answers a call with what it was sent."""

    calls: list[tuple[str, dict[str, str], bytes]] = []

    def do_GET(self) -> None:
        if self.path == "/docs":
            self._send(page("docs.html"), PAGES["docs.html"])
        elif self.path.removeprefix("/docs/") in PAGES:
            self._send(page(self.path.removeprefix("/docs/")), PAGES[self.path.removeprefix("/docs/")])
        elif self.path == "/openapi.json":
            self._send(openapi(ENDPOINTS, NOW_S), "application/json")
        else:
            self._send(b"", "text/plain", 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append((self.path, dict(self.headers), body))
        if self.headers["Accept"] == "text/event-stream":
            self._send(b'data: "one"\n\nevent: end\ndata: {}\n\n', "text/event-stream")
        else:
            self._send(b'[{"label":"<i>fine</i>","score":0.5}]', "application/json")

    def _send(self, body: bytes, media: str, status: int = 200) -> None:
        self.send_response(status)
        for name, value in (*HEADERS, ("Content-Type", media), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        return None


@pytest.fixture
def service() -> Iterator[str]:
    Service.calls.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    with Chromium(tmp_path) as opened:
        yield opened


def test_every_endpoint_and_version_is_shown_with_its_status(browser: Chromium, service: str) -> None:
    browser.open(f"{service}/docs#/api/sentiment/v1")
    browser.wait_for("document.querySelector('h1')")

    assert browser.run("[...document.querySelectorAll('.name')].map((n) => n.textContent)") == [
        "photo",
        "sentiment",
        "tale",
        "talk",
    ]
    assert "deprecated" in browser.run("document.querySelector('h1').textContent")
    assert "ends on 2027-04-29" in browser.run("document.querySelector('.banner').textContent")
    assert {"inputs", "parameters", "top_k", "label", "score"} <= set(
        browser.run("[...document.querySelectorAll('.field code')].map((n) => n.textContent)")
    )
    browser.run("document.querySelector('.banner a').click()")
    browser.wait_for("document.querySelector('h1').textContent.includes('sentiment v2')")
    assert browser.log == []


def test_what_may_be_one_of_several_objects_is_shown_with_the_fields_of_each(browser: Chromium, service: str) -> None:
    browser.open(f"{service}/docs#/api/talk/v1")
    browser.wait_for("document.querySelector('h1')?.textContent.includes('talk')")
    either = browser.run("[...document.querySelectorAll('summary')].map((n) => n.textContent)")

    assert {'role "system"', 'role "user"', 'role "assistant"', 'role "tool"', 'type "image_url"'} <= set(either)
    assert browser.log == []


def test_a_call_is_sent_with_the_key_and_its_answer_shown_as_text(browser: Chromium, service: str) -> None:
    browser.open(f"{service}/docs#/api/sentiment/v2")
    browser.wait_for("document.getElementById('send')")
    browser.run("document.getElementById('send').click()")
    assert Service.calls == []
    browser.run(f"document.getElementById('key').value = '{KEY}'")
    browser.run("document.getElementById('send').click()")
    browser.wait_for("document.querySelector('#result pre')?.textContent.includes('score')")

    ((path, headers, body),) = Service.calls
    assert (path, headers["Authorization"]) == ("/api/sentiment/v2", f"Bearer {KEY}")
    assert b"<b>good</b>" in body
    assert "<i>fine</i>" in browser.run("document.querySelector('#result pre').textContent")
    assert browser.run("document.querySelectorAll('#result i').length") == 0
    assert KEY not in browser.run(
        "document.body.innerText + JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie"
    )
    assert browser.log == []


def test_the_curl_line_survives_a_shell(browser: Chromium, service: str) -> None:
    browser.open(f"{service}/docs#/api/sentiment/v2")
    browser.wait_for("document.getElementById('curl')")

    assert """-d '{"inputs":"It'\\''s <b>good</b>"}'""" in browser.run("document.getElementById('curl').textContent")
    assert "$KEY" in browser.run("document.getElementById('curl').textContent")


def test_a_stream_is_shown_as_it_comes(browser: Chromium, service: str) -> None:
    browser.open(f"{service}/docs#/api/tale/v1")
    browser.wait_for("document.getElementById('accept')")
    browser.run(f"document.getElementById('key').value = '{KEY}'")
    browser.run("document.getElementById('accept').value = 'text/event-stream'")
    browser.run("document.getElementById('send').click()")
    browser.wait_for("document.querySelector('#result pre')?.textContent.includes('event: end')")

    assert browser.log == []


def test_a_picture_is_sent_as_a_file(browser: Chromium, service: str) -> None:
    browser.open(f"{service}/docs#/api/photo/v1")
    browser.wait_for("document.getElementById('kind')")
    browser.run("document.getElementById('kind').value = 'image/*'")
    browser.run("document.getElementById('kind').dispatchEvent(new Event('change'))")

    assert browser.run("!document.getElementById('file').hidden && document.getElementById('body').hidden")
    assert "--data-binary @FILE" in browser.run("document.getElementById('curl').textContent")
