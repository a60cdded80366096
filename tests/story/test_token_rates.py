"""Rates of tokens: what is left of them is told in every dialect, and what exceeds them is refused in the words of tokens."""

import anthropic
import openai
import pytest

from tests.running import service, write_config
from tests.upstreams import upstream

CONFIG = """
providers:
  up: {{kind: openai, base_url: "{up}", api_key: k}}
endpoints:
  chat: {{v1: {{task: chat, targets: ["up/m"], tokens: 600/m, max_output: 50, rate: 90/m}}}}
  tiny: {{v1: {{task: chat, targets: ["up/m"], tokens: 10/m}}}}
"""
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    with upstream() as (_, url), service(write_config(folder, CONFIG.format(up=url)), folder / "home") as made:
        yield made


def test_the_native_fields_name_the_rate_of_tokens_with_its_unit(running):
    headers = running.call("/api/chat/v1", {"messages": HI}).headers
    policies, left = headers["ratelimit-policy"].split(", "), headers["ratelimit"].split(", ")

    assert policies == ['"chat/v1";q=90;w=60', '"chat/v1:tokens";q=600;w=60;qu="tokens"']
    assert left[1].startswith('"chat/v1:tokens";r=')
    assert 0 < int(left[1].split("r=")[1].split(";")[0]) <= 592  # 8 were used, and what other calls did


def test_openais_client_finds_what_is_left_of_calls_and_of_tokens(running):
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{running.port}/v1", api_key=running.key, max_retries=0)
    with client:
        told = client.chat.completions.with_raw_response.create(model="chat", messages=HI).headers

    assert (told["x-ratelimit-limit-requests"], told["x-ratelimit-limit-tokens"]) == ("90", "600")
    assert 0 < int(told["x-ratelimit-remaining-tokens"]) < 600
    assert told["x-ratelimit-reset-tokens"].endswith("s")


def test_anthropics_client_finds_them_under_its_names(running):
    client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{running.port}", api_key=running.key, max_retries=0)
    with client:
        headers = client.messages.with_raw_response.create(model="chat", max_tokens=9, messages=HI).headers

    assert headers["anthropic-ratelimit-requests-limit"] == "90"
    assert headers["anthropic-ratelimit-tokens-limit"] == "600"
    assert 0 < int(headers["anthropic-ratelimit-tokens-remaining"]) < 600
    assert headers["anthropic-ratelimit-tokens-reset"].endswith("Z")


def test_what_no_rate_of_tokens_will_ever_hold_says_so_in_tokens(running):
    refused = running.call("/api/tiny/v1", {"messages": HI})

    assert refused.status == 429
    assert "10 tokens in 60 s" in refused.json["detail"]
    assert "never will" in refused.json["detail"]
    assert refused.headers["ratelimit-policy"] == '"tiny/v1:tokens";q=10;w=60;qu="tokens"'
