import json
import sys

import msgspec
import pytest

from headworks.errors import ConfigurationRefused, ContractViolation, ModelError, SchemaViolation
from headworks.targets.models.runner import Source
from headworks.targets.models.runtimes import http, load
from headworks.values import Payload

WSGI = """
import json

closed = []

class Parts:
    def __iter__(self):
        return iter([b"a", b"b"])

    def close(self):
        closed.append(True)

def app(environ, start_response):
    start_response("201 Created", [("Content-Type", "application/json"), ("X-Two", "1"), ("X-Two", "2")])
    body = environ["wsgi.input"].read().decode()
    shown = {key: value for key, value in environ.items() if isinstance(value, str)}
    return [json.dumps({**shown, "body": body}).encode()]

def writes(environ, start_response):
    write = start_response("200 OK", [])
    write(b"written ")
    return Parts()

def silent(environ, start_response):
    return []

def twice(environ, start_response):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []

def corrected(environ, start_response):
    start_response("200 OK", [])
    start_response("500 Broken", [], (ValueError, ValueError(), None))
    return [b"x"]

def interim(environ, start_response):
    start_response("100 Continue", [])
    return []

it = 3
"""
ASGI = """
import json

told = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            told.append(message["type"])
            scope["state"]["started"] = True
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    message = await receive()
    shown = {
        "method": scope["method"], "path": scope["path"], "raw": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(), "headers": [[n.decode(), v.decode()] for n, v in scope["headers"]],
        "state": scope["state"], "body": message["body"].decode(),
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X-A", b"1")]})
    await send({"type": "http.response.body", "body": json.dumps(shown).encode(), "more_body": True})
    await send({"type": "http.response.body"})
    assert (await receive())["type"] == "http.disconnect"

async def unaware(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})

async def failing(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no weights"})

async def unfinished(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})

async def raising(scope, receive, send):
    raise ValueError("secret")

async def ends_badly(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise ValueError("after startup")
    await unaware(scope, receive, send)

it = 3
"""
HEAD = {
    "method": "POST",
    "path": "/a%20b/%C3%A9",
    "query": "q=1",
    "headers": [
        ["Host", "here:8000"],
        ["Content-Type", "text/plain"],
        ["X-Key", "k"],
        ["X_Key", "forged"],
        ["Proxy", "p"],
    ],
}


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "wsgi_app.py").write_text(WSGI)
    (tmp_path / "asgi_app.py").write_text(ASGI)
    runners = []

    def make(kind, name, **parameters):
        runners.append(load(Source(kind, f"{kind}_app:{name}", str(tmp_path), parameters)))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()
    for name in ("wsgi_app", "asgi_app"):
        sys.modules.pop(name, None)


def handled(runner, head=HEAD, body=b"hello"):
    answer_head, answer_body = runner.handle(Payload(json.dumps(head).encode(), (("", body),)))
    return msgspec.json.decode(answer_head), answer_body


class TestWsgi:
    def test_a_whole_request_gets_a_whole_answer(self, loaded):
        head, body = handled(loaded("wsgi", "app"))
        seen = json.loads(body)

        assert head == {
            "status": 201, "headers": [["content-type", "application/json"], ["x-two", "1"], ["x-two", "2"]],
        }  # fmt: skip
        assert (seen["REQUEST_METHOD"], seen["QUERY_STRING"], seen["body"]) == ("POST", "q=1", "hello")
        assert seen["PATH_INFO"].encode("latin-1").decode() == "/a b/é"
        assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("here", "8000")
        assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("text/plain", "5")

    def test_headers_that_could_pass_for_others_are_left_out(self, loaded):
        seen = json.loads(handled(loaded("wsgi", "app"))[1])

        assert seen["HTTP_X_KEY"] == "k"
        assert "HTTP_PROXY" not in seen

    def test_what_was_written_comes_first_and_the_parts_are_closed(self, loaded):
        runner = loaded("wsgi", "writes")

        assert handled(runner)[1] == b"written ab"
        assert sys.modules["wsgi_app"].closed == [True]

    def test_an_error_may_correct_the_head(self, loaded):
        assert handled(loaded("wsgi", "corrected"))[0]["status"] == 500

    @pytest.mark.parametrize(
        ("name", "error"), [("silent", ContractViolation), ("twice", RuntimeError), ("interim", ContractViolation)]
    )
    def test_an_application_that_breaks_the_rules_is_no_answer(self, loaded, name, error):
        with pytest.raises(error):
            handled(loaded("wsgi", name))


class TestAsgi:
    def test_a_whole_request_gets_a_whole_answer(self, loaded):
        head, body = handled(loaded("asgi", "app"))
        seen = json.loads(body)

        assert head == {"status": 200, "headers": [["x-a", "1"]]}
        assert (seen["method"], seen["path"], seen["raw"], seen["query"]) == ("POST", "/a b/é", "/a%20b/%C3%A9", "q=1")
        assert ["content-type", "text/plain"] in seen["headers"]
        assert (seen["body"], seen["state"]) == ("hello", {"started": True})

    def test_the_lifespan_starts_before_ready_and_ends_with_the_worker(self, loaded):
        runner = loaded("asgi", "app")
        told = sys.modules["asgi_app"].told

        assert told == ["lifespan.startup"]
        runner.close()
        runner.close()
        assert told == ["lifespan.startup", "lifespan.shutdown"]

    def test_an_application_without_a_lifespan_is_served(self, loaded):
        assert handled(loaded("asgi", "unaware"))[0] == {"status": 204, "headers": []}

    def test_a_lifespan_that_breaks_off_leaves_the_application_serving(self, loaded):
        runner = loaded("asgi", "ends_badly")

        assert handled(runner)[0]["status"] == 204
        runner.close()

    def test_a_failed_startup_is_refused_with_its_reason(self, loaded):
        with pytest.raises(ConfigurationRefused, match="no weights"):
            loaded("asgi", "failing")

    @pytest.mark.parametrize(("name", "error"), [("unfinished", ModelError), ("raising", ValueError)])
    def test_an_application_that_breaks_off_is_an_error(self, loaded, name, error):
        with pytest.raises(error):
            handled(loaded("asgi", name))


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_an_application_announces_itself(loaded, kind):
    runner = loaded(kind, "app")
    runner.warm_up()

    assert runner.announcement.is_http
    assert f"{kind}_app:app" in runner.announcement.description


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_what_cannot_be_called_is_refused(loaded, kind):
    with pytest.raises(ConfigurationRefused, match="cannot be called"):
        loaded(kind, "it")


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_what_is_no_request_is_refused(loaded, kind):
    with pytest.raises(SchemaViolation):
        handled(loaded(kind, "app"), head={"path": "/"})


def test_an_answer_is_bounded():
    answer = http.Answer()
    part = bytes(2**20)

    with pytest.raises(ContractViolation, match="contract"):
        for _ in range(65):
            answer.add(part)
