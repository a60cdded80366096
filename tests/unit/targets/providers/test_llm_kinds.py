"""What the kinds for language models bind, and what they refuse with which fix."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest

from headworks.errors import ConfigurationRefused, ProviderKeyRejected, ProviderUnreachable
from headworks.secret import Secret
from headworks.targets.providers.azure.entra import EntraToken
from headworks.targets.providers.azure.settings import Entra
from headworks.targets.providers.key_header import KeyHeader, NoKey
from headworks.targets.providers.kinds import bound, kind_of
from headworks.targets.providers.proof import prove_credential
from headworks.targets.providers.wire import HttpRequest, Origin, ProviderSettings
from tests.unit.targets.providers.chats import ask, sent

KEY = Secret("sk-canary-123456")
SECOND_NS = 10**9


def bind(kind, reference="m", task="chat", **more):
    settings = ProviderSettings(name="up", kind=kind, **more)
    return bound({"up": settings}, f"up/{reference}", task)


def test_openai_itself_needs_a_key_and_stands_at_its_own_address():
    made = bind("openai", keys=(KEY, Secret("second")))

    assert made.origin == Origin("https", "api.openai.com", 443, "/v1")
    assert len(made.credentials) == 2
    with pytest.raises(ConfigurationRefused) as caught:
        bind("openai")
    assert caught.value.errors[0].pointer == "/providers/up/api_key"


def test_another_server_of_the_dialect_may_need_no_key():
    made = bind("openai", base_url="http://127.0.0.1:9000/v1/")

    assert made.origin == Origin("http", "127.0.0.1", 9000, "/v1")
    assert isinstance(made.credentials[0], NoKey)
    assert made.operation.request(ask()).path == "/chat/completions"


@pytest.mark.parametrize(
    ("kind", "model", "options", "field"),
    [
        ("openai", "gpt-4o", {}, "max_completion_tokens"),
        ("openai", "gpt-4o", {"cap": "max_tokens"}, "max_tokens"),
        ("openai", "o3-mini", {"cap": "max_tokens"}, "max_completion_tokens"),
        ("azure", "d", {}, "max_completion_tokens"),
        ("azure", "d", {"api_version": "2024-02-01"}, "max_tokens"),
        ("azure", "d", {"api_version": "2024-12-01-preview"}, "max_completion_tokens"),
    ],
)
def test_the_lowest_cap_goes_out_under_the_name_that_is_read(kind, model, options, field):
    base_url = "https://res.openai.azure.com" if kind == "azure" else None
    made = bind(kind, model, keys=(KEY,), options=options, base_url=base_url)
    body = sent(made.operation, ask(max_tokens=50, max_completion_tokens=40, output_cap=45))

    assert {name: body[name] for name in ("max_tokens", "max_completion_tokens") if name in body} == {field: 40}


def test_a_server_that_cannot_tell_usage_in_streams_is_not_asked():
    url = "http://127.0.0.1:1/v1"
    quiet = bind("openai", base_url=url, options={"stream_usage": False}).operation
    asked = ask(is_stream=True)

    assert "stream_options" not in sent(quiet, asked)
    assert sent(bind("openai", base_url=url).operation, asked)["stream_options"] == {"include_usage": True}


def test_fields_that_a_reasoning_model_refuses_are_left_out():
    asked = ask(temperature=0.5, top_p=0.5, seed=1, metadata={"a": "b"})
    reasoning = sent(bind("openai", "gpt-5-mini", keys=(KEY,)).operation, asked)
    plain = sent(bind("openai", "gpt-4o", keys=(KEY,)).operation, asked)

    assert {"temperature", "top_p"} <= plain.keys()
    assert reasoning.keys() == plain.keys() - {"temperature", "top_p"}


@pytest.mark.parametrize(
    ("options", "task", "path"),
    [
        ({}, "chat", "/openai/v1/chat/completions"),
        (
            {"api_version": "2024-02-01"},
            "chat",
            "/openai/deployments/my%20own%2Fd/chat/completions?api-version=2024-02-01",
        ),
        (
            {"api_version": "2024-10-21"},
            "embeddings",
            "/openai/deployments/my%20own%2Fd/embeddings?api-version=2024-10-21",
        ),
    ],
)
def test_azure_is_addressed_in_both_its_forms(options, task, path):
    made = bind("azure", "my own/d", task, keys=(KEY,), base_url="https://res.openai.azure.com/", options=options)
    request = made.operation.request(ask())

    assert request.path == path
    assert ("model" in msgspec.json.decode(request.body)) == (options == {})


@pytest.mark.parametrize(
    ("kind", "more", "told"),
    [
        ("openai", {"options": {"cap": "most"}}, "cap"),
        ("openai", {"reference": ""}, "up/MODEL"),
        ("openai", {"task": "ocr"}, "`chat`"),
        ("anthropic", {"task": "embeddings"}, "chat"),
        ("anthropic", {"keys": ()}, "api_key"),
        ("gemini", {"task": "ocr"}, "embeddings"),
        ("cohere", {"task": "embeddings", "options": {"input_type": "poem"}}, "input_type"),
        ("gemini", {"options": {"region": "x"}}, "region"),
        ("azure", {}, "base_url"),
        ("azure", {"base_url": "https://r.openai.azure.com", "options": {"api_version": "latest"}}, "api_version"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named(kind, more, told):
    with pytest.raises(ConfigurationRefused) as caught:
        bind(kind, **{"keys": (KEY,), **more})

    assert told.strip("`") in f"{caught.value} {caught.value.errors}"


@pytest.mark.parametrize("kind", ["openai", "azure", "anthropic", "gemini", "cohere"])
def test_a_reference_names_the_tasks_it_can_serve(kind):
    assert "chat" in kind_of(kind).tasks("some-model")
    assert kind_of(kind).tasks("") == ()


@pytest.mark.parametrize("credential", [KeyHeader(KEY), KeyHeader(KEY, "api-key", ""), KeyHeader(KEY, "x-api-key", "")])
def test_a_key_shows_in_the_head_only(credential):
    prove_credential(credential, KEY, Origin("https", "a.example", 443))

    assert credential.is_fresh(0)


class Directory:
    """A token endpoint on loopback that answers what it is told."""

    def __init__(self):
        self.asked, self.status, self.body = [], 200, b'{"access_token": "minted-1", "expires_in": 3600}'
        directory = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                directory.asked.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(directory.status)
                self.send_header("content-length", str(len(directory.body)))
                self.end_headers()
                self.wfile.write(directory.body)

            def log_message(self, *about):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        self.origin = Origin("http", "127.0.0.1", self._server.server_port)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def directory():
    made = Directory()
    yield made
    made.close()


def token(origin):
    return EntraToken(Entra("my-tenant", "my-client"), origin, KEY)


def test_a_token_is_minted_and_renewed_before_it_ends(directory):
    credential = token(directory.origin)
    fresh_before = credential.is_fresh(0)
    credential.refresh(0)
    signed = credential.signed(HttpRequest("POST", "/x"), directory.origin, 0)

    assert not fresh_before
    assert ("authorization", "Bearer minted-1") in signed.headers
    assert credential.is_fresh(3400 * SECOND_NS)
    assert not credential.is_fresh(3500 * SECOND_NS)
    path, form = directory.asked[0]
    assert path == "/my-tenant/oauth2/v2.0/token"
    assert b"client_secret=sk-canary-123456" in form
    prove_credential(credential, Secret("minted-1"), directory.origin)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"error": "invalid_client"}', ProviderKeyRejected),
        (500, b"oops", ProviderUnreachable),
        (302, b"", ProviderUnreachable),
        (200, b"{}", ProviderUnreachable),
    ],
)
def test_a_token_that_is_not_given_is_told_apart(directory, status, body, error):
    directory.status, directory.body = status, body
    credential = token(directory.origin)

    with pytest.raises(error) as caught:
        credential.refresh(0)
    assert "canary" not in caught.value.reason
    assert not credential.is_fresh(0)


def test_a_directory_that_is_not_there_is_unreachable(directory):
    directory.close()

    with pytest.raises(ProviderUnreachable):
        token(directory.origin).refresh(0)
