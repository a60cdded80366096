"""Vendors' clients against chats of other services: each client, each kind of service behind, whole and streamed.

The services behind are a second instance of our own, which speaks both vendors' words: nothing is made up but the models.
"""

import json
from contextlib import contextmanager

import anthropic
import openai
import pytest

from tests.running import service, write_config

CONFIG = """
providers:
  up: {{kind: openai, base_url: "http://127.0.0.1:{port}/v1", api_key: "${{UP_KEY}}"}}
  claude: {{kind: anthropic, base_url: "http://127.0.0.1:{port}", api_key: "${{UP_KEY}}"}}
endpoints:
  by-openai:
    v1: {{task: chat, targets: ["up/only"]}}
    v2: {{task: chat, targets: ["up/chat"], default: true}}
  by-anthropic:
    v1: {{task: chat, targets: ["claude/only"]}}
    v2: {{task: chat, targets: ["claude/chat"], default: true}}
  responding: {{v1: {{task: responses, targets: ["up/only"]}}}}
  completing: {{v1: {{task: completion, targets: ["up/only"]}}}}
  messaging: {{v1: {{task: messages, targets: ["claude/only"]}}}}
  letters: {{v1: {{task: embeddings, targets: ["up/letters"]}}}}
  unknown: {{v1: {{task: chat, targets: ["up/nothing"]}}}}
"""
HI = [{"role": "user", "content": "Hi there"}]
FAIL = [{"role": "user", "content": "please fail now"}]
EVERY_KIND = pytest.mark.parametrize("model", ["by-openai@v1", "by-anthropic@v1"])
EVERY_WAY = pytest.mark.parametrize("model", ["by-openai@v1", "by-openai", "by-anthropic@v1", "by-anthropic"])


@contextmanager
def relay_to(chats, folder):
    config = write_config(folder, CONFIG.format(port=chats.port), ())
    with service(config, folder / "home", env={"UP_KEY": chats.key}) as running:
        yield running


@pytest.fixture(scope="module")
def relay(chats, tmp_path_factory):
    with relay_to(chats, tmp_path_factory.mktemp("relay")) as running:
        yield running


@pytest.fixture(scope="module")
def ailing(chats, tmp_path_factory):
    """One of its own for what fails, since failures count against an origin."""
    with relay_to(chats, tmp_path_factory.mktemp("ailing")) as running:
        yield running


@pytest.fixture(scope="module")
def gpt(relay):
    with gpt_of(relay) as made:
        yield made


@pytest.fixture(scope="module")
def claude(relay):
    with claude_of(relay) as made:
        yield made


def gpt_of(running):
    return openai.OpenAI(base_url=f"http://127.0.0.1:{running.port}/v1", api_key=running.key, max_retries=0)


def claude_of(running):
    return anthropic.Anthropic(base_url=f"http://127.0.0.1:{running.port}", api_key=running.key, max_retries=0)


@EVERY_WAY
def test_openais_client_gets_the_same_from_every_service(gpt, model):
    whole = gpt.chat.completions.create(model=model, messages=HI, max_tokens=50)
    options = {"include_usage": True}
    chunks = list(
        gpt.chat.completions.create(model=model, messages=HI, max_tokens=50, stream=True, stream_options=options)
    )

    assert whole.choices[0].message.content == "You said: Hi there"
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "You said: Hi there"
    assert {chunk.model for chunk in chunks} == {whole.model} == {model}
    assert whole.usage.total_tokens == chunks[-1].usage.total_tokens == 6
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"


@EVERY_WAY
def test_anthropics_client_gets_the_same_from_every_service(claude, model):
    whole = claude.messages.create(model=model, max_tokens=50, messages=HI)
    with claude.messages.stream(model=model, max_tokens=50, messages=HI) as stream:
        final = stream.get_final_message()

    assert whole.content[0].text == final.content[0].text == "You said: Hi there"
    assert (whole.model, whole.stop_reason) == (final.model, final.stop_reason) == (model, "end_turn")
    assert (final.usage.input_tokens, final.usage.output_tokens) == (2, 4)


@EVERY_WAY
def test_tools_pass_through_every_service(gpt, claude, model):
    function = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
    asked = [{"role": "user", "content": "Bern"}]
    with gpt.chat.completions.stream(
        model=model, messages=asked, max_tokens=50, tools=[{"type": "function", "function": function}]
    ) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    tool = {"name": "weather", "input_schema": function["parameters"]}
    block = claude.messages.create(model=model, max_tokens=50, messages=asked, tools=[tool]).content[0]

    assert json.loads(call.function.arguments) == block.input == {"city": "Bern", "at": 0}


@EVERY_WAY
def test_responses_pass_through_every_service(gpt, model):
    with gpt.responses.stream(model=model, input="Hi", max_output_tokens=50) as stream:
        final = stream.get_final_response()

    assert final.output_text == "You said: Hi"
    assert final.usage.output_tokens == 3


@EVERY_KIND
def test_a_service_that_fails_is_a_server_error_without_its_text(ailing, model):
    with gpt_of(ailing) as gpt, pytest.raises(openai.InternalServerError) as ours:
        gpt.chat.completions.create(model=model, messages=FAIL, max_tokens=50)
    with claude_of(ailing) as claude, pytest.raises(anthropic.InternalServerError) as theirs:
        claude.messages.create(model=model, max_tokens=50, messages=FAIL)

    assert ours.value.type == "server_error"
    assert "secret" not in f"{ours.value} {theirs.value}"


def test_messages_asked_as_they_stand_that_break_raise(ailing):
    with claude_of(ailing) as claude, pytest.raises(anthropic.APIStatusError):
        list(claude.messages.create(model="messaging", max_tokens=9, messages=FAIL, stream=True))


def test_a_response_asked_as_it_stands_that_breaks_raises(ailing):
    with gpt_of(ailing) as gpt, pytest.raises(openai.APIError):
        list(gpt.responses.create(model="responding", input="please fail now", stream=True))


@EVERY_KIND
def test_a_stream_that_breaks_behind_breaks_for_the_client_too(ailing, model):
    with gpt_of(ailing) as gpt, pytest.raises(openai.APIError):
        list(gpt.chat.completions.create(model=model, messages=FAIL, max_tokens=50, stream=True))
    with claude_of(ailing) as claude, pytest.raises(anthropic.APIStatusError):
        list(claude.messages.create(model=model, messages=FAIL, max_tokens=50, stream=True))


def test_an_endpoint_of_the_task_responses_is_asked_as_it_stands(gpt):
    whole = gpt.responses.create(model="responding", input="Hi", metadata={"a": "b"})
    events = list(gpt.responses.create(model="responding", input="Hi", stream=True))
    with gpt.responses.stream(model="responding", input="Hi") as stream:
        final = stream.get_final_response()

    assert whole.output_text == events[-1].response.output_text == final.output_text == "You said: Hi"
    assert (whole.model, whole.metadata, final.model) == ("responding", {"a": "b"}, "responding")
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize("field", ["image_url", "file_url"])
def test_a_response_that_is_asked_as_it_stands_fetches_nothing_either(gpt, field):
    kind = {"image_url": "input_image", "file_url": "input_file"}[field]
    part = {"type": kind, field: "http://169.254.169.254/"}

    with pytest.raises(openai.UnprocessableEntityError) as caught:
        gpt.responses.create(model="responding", input=[{"role": "user", "content": [part]}])

    assert caught.value.param == f"input[0].content[0].{field}"


@pytest.mark.parametrize(
    ("path", "document", "pointer"),
    [
        ("responding", {"input": "Hi", "tools": [{"type": "mcp", "server_url": "http://10.0.0.1/"}]}, "/tools/0/server_url"),
        ("messaging", {"max_tokens": 9, "messages": HI, "mcp_servers": [{"url": "http://10.0.0.1/"}]}, "/mcp_servers"),
        (
            "by-openai",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "file", "file": {"file_data": "http://10.0.0.1/"}}]},
                ]
            },
            "/messages/0/content/0/file/file_data",
        ),
    ],
)  # fmt: skip
def test_nothing_is_fetched_for_a_native_call_either(relay, path, document, pointer):
    answer = relay.call(f"/api/{path}/v1", document)

    assert answer.status == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]


def test_an_endpoint_of_the_task_messages_is_asked_as_it_stands(claude):
    asked = {"model": "messaging", "max_tokens": 50, "messages": HI}
    whole = claude.messages.create(**asked)
    with claude.messages.stream(**asked) as stream:
        final = stream.get_final_message()

    assert whole.content[0].text == final.content[0].text == "You said: Hi there"
    assert (whole.model, final.model, final.stop_reason) == ("messaging", "messaging", "end_turn")
    assert final.usage.output_tokens == 4


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"content": [{"type": "image", "source": {"type": "url", "url": "http://169.254.169.254/"}}]}, "content[0].source"),
        (
            {
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [{"type": "image", "source": {"type": "url", "url": "http://10.0.0.1/"}}],
                    }
                ]
            },
            "content[0].content[0].source",
        ),
    ],
)  # fmt: skip
def test_messages_that_are_asked_as_they_stand_fetch_nothing_either(claude, more, pointer):
    with pytest.raises(anthropic.UnprocessableEntityError) as caught:
        claude.messages.create(model="messaging", max_tokens=9, messages=[{"role": "user", **more}])

    assert pointer in caught.value.body["error"]["message"]


def test_an_endpoint_of_the_task_completion_is_asked_as_it_stands(gpt):
    whole = gpt.completions.create(model="completing", prompt="Hi there")
    options = {"include_usage": True}
    chunks = list(gpt.completions.create(model="completing", prompt="Hi there", stream=True, stream_options=options))
    said = "".join(choice.text for chunk in chunks for choice in chunk.choices)

    assert whole.choices[0].text == said == "You said: Hi there"
    assert {chunk.model for chunk in chunks} == {whole.model} == {"completing"}
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 6)


def test_embeddings_pass_through(gpt):
    answer = gpt.embeddings.create(model="letters", input="area")

    assert list(answer.data[0].embedding) == [0.5, 0.25, 0.0]
    assert answer.model == "letters"


def test_a_model_that_the_service_behind_does_not_know_is_not_the_callers_mistake(ailing):
    with gpt_of(ailing) as gpt, pytest.raises(openai.InternalServerError):
        gpt.chat.completions.create(model="unknown", messages=HI)
