"""Anthropic's own client, unchanged but for its base_url, against chats that are ours."""

import asyncio
import json

import anthropic
import pytest

from tests.story.talks import EVERY_CHAT, HI, Place, client_made

WEATHER = {"name": "weather", "description": "tells it", "input_schema": {"type": "object", "properties": {}}}
TIME = {"name": "time", "input_schema": {"type": "object"}}


def client_of(running, **more):
    return client_made(anthropic.Anthropic, f"http://127.0.0.1:{running.port}", running.key, **more)


@pytest.fixture(scope="module")
def client(chats):
    with client_of(chats) as made:
        yield made


@EVERY_CHAT
def test_a_message_is_answered_under_the_name_it_was_asked_by(client, model):
    answer = client.messages.create(model=model, max_tokens=100, system="Be kind.", messages=HI)

    assert answer.model == model
    assert [block.text for block in answer.content] == ["Be kind. You said: Hi there"]
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert answer.usage.output_tokens == 6
    assert len(answer._request_id) == 26
    assert answer.id == f"msg_{answer._request_id}"


@EVERY_CHAT
def test_a_streamed_message_comes_block_by_block(client, model):
    with client.messages.stream(model=model, max_tokens=100, messages=HI) as stream:
        events = list(stream)
        final = stream.get_final_message()
    kinds = [event.type for event in events if event.type != "text"]

    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert "".join(event.text for event in events if event.type == "text") == "You said: Hi there"
    assert (final.content[0].text, final.stop_reason) == ("You said: Hi there", "end_turn")
    assert (final.usage.input_tokens, final.usage.output_tokens) == (2, 4)


def test_an_asynchronous_client_gets_the_same(chats):
    async def talk():
        url = f"http://127.0.0.1:{chats.port}"
        async with anthropic.AsyncAnthropic(base_url=url, api_key=chats.key, max_retries=0) as client:
            whole = await client.messages.create(model="chat", max_tokens=9, messages=HI)
            async with client.messages.stream(model="chat@v1", max_tokens=9, messages=HI) as stream:
                return whole, [text async for text in stream.text_stream]

    whole, texts = asyncio.run(talk())

    assert whole.content[0].text == "".join(texts) == "You said: Hi there"


def test_a_key_as_bearer_token_opens_too(chats):
    with client_of(chats, api_key=None, auth_token=chats.key) as client:
        answer = client.messages.create(model="chat", max_tokens=9, messages=HI)

    assert answer.content[0].text == "You said: Hi there"


@EVERY_CHAT
def test_tools_are_called_and_their_results_are_taken(client, model):
    asked = [{"role": "user", "content": "Bern"}]
    answer = client.messages.create(model=model, max_tokens=99, messages=asked, tools=[WEATHER, TIME])
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": "sunny"}]}
        for block in answer.content
    ]
    turns = [*asked, {"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    after = client.messages.create(model=model, max_tokens=99, messages=turns, tools=[WEATHER, TIME])

    assert answer.stop_reason == "tool_use"
    assert [(block.type, block.name, block.input["at"]) for block in answer.content] == [
        ("tool_use", "weather", 0),
        ("tool_use", "time", 1),
    ]
    assert after.content[0].text == "The tool says sunny"


@EVERY_CHAT
def test_streamed_calls_of_tools_are_put_together_by_the_client(client, model):
    asked = [{"role": "user", "content": "Bern"}]
    with client.messages.stream(model=model, max_tokens=99, messages=asked, tools=[WEATHER, TIME]) as stream:
        final = stream.get_final_message()

    assert [block.input for block in final.content] == [{"city": "Bern", "at": 0}, {"city": "Bern", "at": 1}]
    assert final.stop_reason == "tool_use"


def test_a_tool_that_failed_is_told_as_an_error(client):
    call = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "no network", "is_error": True}
    turns = [*HI, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    answer = client.messages.create(model="chat", max_tokens=9, messages=turns, tools=[WEATHER])

    assert answer.content[0].text == "The tool says Error: no network"


@EVERY_CHAT
def test_structured_output_is_parsed(client, model):
    asked = [{"role": "user", "content": "Bern"}]
    answer = client.messages.parse(model=model, max_tokens=99, messages=asked, output_format=Place)

    assert answer.parsed_output == Place(city="Bern", size=7)


def test_a_message_cut_at_its_limit_says_so(client):
    answer = client.messages.create(model="chat@v1", max_tokens=1, messages=HI)

    assert (answer.content[0].text, answer.stop_reason) == ("You", "max_tokens")


def test_thinking_is_taken_and_passed_over_where_the_target_has_none(client):
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    turns = [*HI, {"role": "assistant", "content": [thought, {"type": "text", "text": "Yes"}]}, *HI]
    answer = client.messages.create(
        model="chat",
        max_tokens=2000,
        messages=turns,
        thinking={"type": "enabled", "budget_tokens": 1024},
        stop_sequences=["END"],
        extra_body={"top_k": 3, "temperature": 1},
        metadata={"user_id": "u1"},
    )

    assert [block.type for block in answer.content] == ["text"]


def test_a_picture_is_taken_only_from_within_the_request(client):
    inside = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    outside = {"type": "image", "source": {"type": "url", "url": "http://169.254.169.254/latest"}}
    text = {"type": "text", "text": "what"}

    answer = client.messages.create(model="chat", max_tokens=9, messages=[{"role": "user", "content": [inside, text]}])
    with pytest.raises(anthropic.UnprocessableEntityError) as caught:
        client.messages.create(model="chat", max_tokens=9, messages=[{"role": "user", "content": [text, outside]}])

    assert answer.content[0].text == "You said: what"
    assert "messages[0].content[1].source.type" in caught.value.body["error"]["message"]
    assert "169.254" not in str(caught.value.body)


def test_tokens_are_estimated_and_said_to_be(client):
    counted = client.messages.with_raw_response.count_tokens(model="chat", messages=HI, system="x" * 400)
    more = client.messages.count_tokens(model="chat", messages=HI, system="x" * 400, tools=[WEATHER])

    assert counted.parse().input_tokens == 110
    assert counted.headers["headworks-estimated"] == "input_tokens"
    assert more.input_tokens > counted.parse().input_tokens


def test_models_are_listed_in_its_own_shape(client):
    listed = client.models.list()

    assert {"chat", "chat@v1", "only@v3"} <= {model.id for model in listed}
    assert listed.has_more is False
    assert client.models.retrieve("chat@v2").display_name == "chat@v2"


@pytest.mark.parametrize(
    ("more", "kind", "name"),
    [
        ({"model": "claude-x"}, anthropic.NotFoundError, "not_found_error"),
        ({"model": "letters"}, anthropic.BadRequestError, "invalid_request_error"),
        ({"extra_body": {"temperature": 9}}, anthropic.UnprocessableEntityError, "invalid_request_error"),
        ({"messages": []}, anthropic.UnprocessableEntityError, "invalid_request_error"),
        ({"container": "c1"}, anthropic.UnprocessableEntityError, "invalid_request_error"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, anthropic.UnprocessableEntityError, "invalid_request_error"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_the_clients_words(client, more, kind, name):
    with pytest.raises(kind) as caught:
        client.messages.create(**{"model": "chat", "max_tokens": 9, "messages": HI, **more})

    assert caught.value.body["type"] == "error"
    assert caught.value.body["error"]["type"] == name
    assert caught.value.request_id == caught.value.body["request_id"]


def test_a_wrong_key_and_a_narrow_one_are_told_apart(chats):
    narrow = chats.make_key("narrow", scopes=["call:only"])
    for key, kind in (("hw_live_wrong", anthropic.AuthenticationError), (narrow, anthropic.PermissionDeniedError)):
        with pytest.raises(kind):
            client_of(chats, api_key=key).messages.create(model="chat", max_tokens=9, messages=HI)


def test_a_used_up_rate_is_told_with_headers_and_not_tried_again_when_it_takes_long(chats):
    with client_of(chats, max_retries=2) as client:
        first = client.messages.with_raw_response.create(model="rare", max_tokens=9, messages=HI)
        with pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.create(model="rare", max_tokens=9, messages=HI)

    assert first.headers["anthropic-ratelimit-requests-limit"] == "1"
    assert first.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert first.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_model_that_fails_is_a_server_error_without_its_text(client):
    asked = [{"role": "user", "content": "please fail now"}]
    with pytest.raises(anthropic.InternalServerError) as whole:
        client.messages.create(model="chat@v1", max_tokens=9, messages=asked)
    said = []
    with pytest.raises(anthropic.APIStatusError) as streamed:
        with client.messages.stream(model="chat@v1", max_tokens=9, messages=asked) as stream:
            said.extend(stream.text_stream)

    assert whole.value.body["error"]["type"] == streamed.value.body["error"]["type"] == "api_error"
    assert "".join(said) == "You said: please"
    assert "secret" not in f"{whole.value} {streamed.value}"


def test_every_event_has_its_name(chats):
    asked = {"model": "chat@v1", "max_tokens": 9, "messages": HI, "stream": True}
    answer = chats.call("/v1/messages", asked, key="", headers={"X-Api-Key": chats.key})
    blocks = [block.split(b"\n") for block in answer.body.strip().split(b"\n\n")]

    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert all(name == b"event: " + json.loads(data[6:])["type"].encode() for name, data in blocks)
    assert b"event: ping" in answer.body


def test_a_wrong_field_is_named_as_the_caller_wrote_it(client):
    with pytest.raises(anthropic.UnprocessableEntityError) as caught:
        client.messages.create(
            model="chat", max_tokens=9, system="s", messages=HI, tools=[{**WEATHER, "name": "the weather"}]
        )

    assert "tools[0].name" in caught.value.body["error"]["message"]
