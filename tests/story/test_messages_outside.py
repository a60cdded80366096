"""Anthropic's client against messages and chats of a service outside: which of its header fields go on, and who counts tokens."""

import anthropic
import pytest

from tests.running import service, write_config
from tests.upstreams import upstream

CONFIG = """
providers:
  claude: {kind: anthropic, base_url: "URL", api_key: k, attempts: 1}
  lenient: {kind: anthropic, base_url: "URL", api_key: k, attempts: 1, betas: [files-api-2025-04-14]}
  other: {kind: openai, base_url: "URL/v1", api_key: k}
endpoints:
  messages: {v1: {task: messages, targets: ["claude/claude-x"]}}
  lenient: {v1: {task: messages, targets: ["lenient/claude-x"]}}
  chat: {v1: {task: chat, targets: ["claude/claude-x"]}}
  other: {v1: {task: chat, targets: ["other/m"]}}
  spent: {v1: {task: chat, targets: ["claude/claude-x"]}}
prices:
  claude/claude-x: {input: 1, output: 1}
budgets:
  all: {per: endpoint, only: chat, limit: 0.000001 USD, period: total}
"""
HI = [{"role": "user", "content": "x" * 40}]
MESSAGE = {
    "id": "m",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
FRAMING = {"host", "accept", "accept-encoding", "content-type", "content-length"}
ASKED = "interleaved-thinking-2025-05-14,files-api-2025-04-14"


@pytest.fixture(scope="module")
def up():
    with upstream() as (up, url):
        up.url = url.removesuffix("/v1")
        yield up


@pytest.fixture(scope="module")
def relay(up, tmp_path_factory):
    folder = tmp_path_factory.mktemp("messages")
    with service(write_config(folder, CONFIG.replace("URL", up.url), ()), folder / "home") as running:
        yield running


@pytest.fixture
def claude(relay):
    address = f"http://127.0.0.1:{relay.port}"
    own = {"anthropic-beta": ASKED, "X-Own": "a secret of the caller", "Cookie": "c=1"}
    with anthropic.Anthropic(base_url=address, api_key=relay.key, max_retries=0, default_headers=own) as made:
        yield made


@pytest.mark.parametrize(("model", "betas"), [("messages", ASKED.partition(",")[0]), ("lenient", ASKED)])
def test_features_under_test_go_on_where_they_are_allowed_and_no_other_field_does(claude, up, model, betas):
    up.refusal = (200, MESSAGE)
    claude.messages.create(model=model, max_tokens=9, messages=HI)
    path, head = up.heads[-1]

    assert path == "/v1/messages"
    assert head["anthropic-beta"] == betas
    assert head["anthropic-version"] == "2023-06-01"
    assert "anthropic_beta" not in up.asked[-1]
    assert head["user-agent"] == "headworks"
    assert head.keys() - FRAMING == {"anthropic-beta", "anthropic-version", "x-api-key", "user-agent"}


def test_a_translated_conversation_carries_no_feature_of_the_dialect(claude, up, relay):
    up.refusal = (200, MESSAGE)
    relay.call("/v1/messages", {"model": "spent", "max_tokens": 9, "messages": HI}, headers={"anthropic-beta": ASKED})

    assert "anthropic-beta" not in up.heads[-1][1]


@pytest.mark.parametrize("beta", ["Bad Name", "a" * 81, "x;y", "\u00e9"])
def test_what_names_no_feature_is_refused(relay, beta):
    document = {"model": "messages", "max_tokens": 9, "messages": HI}
    answer = relay.call("/v1/messages", document, headers={"anthropic-beta": beta.encode()})

    assert answer.status == 422
    assert answer.json["type"] == "error"


@pytest.mark.parametrize("model", ["messages", "chat"])
def test_tokens_are_counted_by_who_answers_where_that_can(claude, up, relay, model):
    up.refusal = (200, {"input_tokens": 77})
    counted = claude.messages.with_raw_response.count_tokens(model=model, messages=HI, system="s")
    path, _ = up.heads[-1]
    record = relay.cli("records", "show", counted.headers["x-request-id"])

    assert counted.parse().input_tokens == 77
    assert counted.headers["headworks-target"] == "claude/claude-x"
    assert "headworks-estimated" not in counted.headers
    assert path == "/v1/messages/count_tokens"
    assert up.asked[-1]["model"] == "claude-x"
    assert (record["endpoint"], record["route"], record["cost_micros"]) == (model, "/v1/messages/count_tokens", 0)


def test_tokens_are_estimated_where_who_answers_cannot_count(claude, up):
    before = len(up.asked)
    counted = claude.messages.with_raw_response.count_tokens(model="other", messages=HI)

    assert counted.parse().input_tokens == 14
    assert counted.headers["headworks-estimated"] == "input_tokens"
    assert "headworks-degraded" not in counted.headers
    assert len(up.asked) == before


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, "api_error"), (400, "invalid_request_error"), (413, "request_too_large")],
)
def test_tokens_are_estimated_where_who_counts_fails(claude, up, status, kind):
    up.refusal = (status, {"type": "error", "error": {"type": kind, "message": "no"}})
    counted = claude.messages.with_raw_response.count_tokens(model="messages", messages=HI)

    assert counted.parse().input_tokens == 14
    assert counted.headers["headworks-estimated"] == "input_tokens"
    assert counted.headers["headworks-degraded"] == "fallback"


def test_what_is_no_conversation_is_refused_before_anybody_counts(relay, up):
    before = len(up.asked)
    answers = [relay.call("/v1/messages/count_tokens", {"model": name, "messages": 1}) for name in ("messages", "chat")]

    assert [answer.status for answer in answers] == [422, 422]
    assert {answer.json["type"] for answer in answers} == {"error"}
    assert len(up.asked) == before
