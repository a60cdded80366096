"""OpenAI's own client, unchanged but for its base_url, against chats that are ours."""

import asyncio
import json

import openai
import pytest

from tests.running import mounted, write_config
from tests.story.talks import EVERY_CHAT, HI, Place, client_made

WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
TIME = {"type": "function", "function": {"name": "time", "parameters": {"type": "object"}}}


def client_of(running, **more):
    return client_made(openai.OpenAI, f"http://127.0.0.1:{running.port}/v1", running.key, **more)


@pytest.fixture(scope="module")
def client(chats):
    with client_of(chats) as made:
        yield made


@EVERY_CHAT
def test_a_chat_is_answered_under_the_name_it_was_asked_by(client, model):
    answer = client.chat.completions.create(model=model, messages=HI)

    assert answer.model == model
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.content == "You said: Hi there"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 4)
    assert len(answer._request_id) == 26


@pytest.mark.parametrize(("asked", "target"), [("chat", "whole"), ("chat@v1", "parrot"), ("only", "parrot")])
def test_a_model_names_an_endpoint_and_perhaps_its_version(client, asked, target):
    answer = client.chat.completions.with_raw_response.create(model=asked, messages=HI)

    assert answer.headers["headworks-target"] == target
    assert answer.parse().model == asked


@EVERY_CHAT
def test_a_streamed_chat_comes_in_chunks_of_one_id_and_tells_usage_only_when_asked(client, model):
    chunks = list(client.chat.completions.create(model=model, messages=HI, stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: Hi there"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert {(chunk.id, chunk.model, chunk.object) for chunk in chunks} == {("own-1", model, "chat.completion.chunk")}
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)


@EVERY_CHAT
def test_usage_comes_alone_in_the_last_chunk_when_asked(client, model):
    options = {"include_usage": True}
    *told, last = client.chat.completions.create(model=model, messages=HI, stream=True, stream_options=options)

    assert last.choices == []
    assert last.usage.total_tokens == 6
    assert all(chunk.choices and chunk.usage is None and "usage" in chunk.model_fields_set for chunk in told)


def test_an_asynchronous_client_gets_the_same(chats):
    async def talk():
        url = f"http://127.0.0.1:{chats.port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=chats.key, max_retries=0) as client:
            whole = await client.chat.completions.create(model="chat", messages=HI)
            stream = await client.chat.completions.create(model="chat@v1", messages=HI, stream=True)
            return whole, [chunk async for chunk in stream]

    whole, chunks = asyncio.run(talk())

    assert whole.choices[0].message.content == "You said: Hi there"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: Hi there"


@EVERY_CHAT
def test_tools_are_called_and_their_results_are_taken(client, model):
    asked = [{"role": "user", "content": "Bern"}]
    answer = client.chat.completions.create(model=model, messages=asked, tools=[WEATHER, TIME])
    calls = answer.choices[0].message.tool_calls
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
    after = client.chat.completions.create(
        model=model, messages=[*asked, answer.choices[0].message, *results], tools=[WEATHER, TIME]
    )

    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in calls] == ["weather", "time"]
    assert json.loads(calls[1].function.arguments) == {"city": "Bern", "at": 1}
    assert after.choices[0].message.content == "The tool says sunny"


@EVERY_CHAT
def test_the_clients_stream_helper_puts_calls_of_tools_together(client, model):
    asked = [{"role": "user", "content": "Bern"}]
    with client.chat.completions.stream(model=model, messages=asked, tools=[WEATHER, TIME]) as stream:
        final = stream.get_final_completion()

    calls = final.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["at"] for call in calls] == [0, 1]
    assert [call.id for call in calls] == ["call_0", "call_1"]


@EVERY_CHAT
def test_structured_output_is_parsed(client, model):
    asked = [{"role": "user", "content": "Bern"}]
    answer = client.chat.completions.parse(model=model, messages=asked, response_format=Place)

    assert answer.choices[0].message.parsed == Place(city="Bern", size=7)


@EVERY_CHAT
def test_a_response_holds_output_items(client, model):
    answer = client.responses.create(model=model, instructions="Be kind.", input="Hi", metadata={"a": "b"})

    assert answer.output_text == "Be kind. You said: Hi"
    assert (answer.status, answer.model, answer.object) == ("completed", model, "response")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert (answer.instructions, answer.metadata) == ("Be kind.", {"a": "b"})
    assert answer.id == f"resp_{answer._request_id}"


@EVERY_CHAT
def test_a_streamed_response_tells_typed_events_in_order(client, model):
    events = list(client.responses.create(model=model, input="Hi", stream=True))
    kinds = [event.type for event in events]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert "".join(deltas) == events[-1].response.output_text == "You said: Hi"
    assert events[-1].response.usage.output_tokens == 3


@EVERY_CHAT
def test_responses_call_tools_and_take_their_results(client, model):
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
    asked = [{"role": "user", "content": "Bern"}]
    first = client.responses.create(model=model, input=asked, tools=[tool])
    call = first.output[0]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    second = client.responses.create(model=model, input=[*asked, call, result], tools=[tool])

    assert (call.type, call.name, json.loads(call.arguments)["city"]) == ("function_call", "weather", "Bern")
    assert second.output_text == "The tool says sunny"


@EVERY_CHAT
def test_the_clients_response_stream_helper_is_content_with_our_order(client, model):
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
    with client.responses.stream(model=model, input="Bern", tools=[tool]) as stream:
        called = stream.get_final_response()
    with client.responses.stream(model=model, input="Bern", text_format=Place) as stream:
        parsed = stream.get_final_response()

    assert json.loads(called.output[0].arguments)["city"] == "Bern"
    assert parsed.output_parsed == Place(city="Bern", size=7)


def test_a_response_cut_at_its_limit_says_that_it_is_incomplete(client):
    last = list(client.completions.create(model="chat@v1", prompt="a b c", max_tokens=2, stream=True))[-1]
    whole = client.chat.completions.create(model="chat@v1", messages=HI, max_tokens=1)

    assert last.choices[0].finish_reason == "length"
    assert whole.choices[0].finish_reason == "length"
    assert whole.choices[0].message.content == "You"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"store": True}, "store"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ],
)
def test_what_needs_a_memory_or_the_vendor_is_refused_by_name(client, more, param):
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.responses.create(model="chat", input="Hi", **more)

    assert caught.value.param == param
    assert caught.value.code == "schema_violation"


@EVERY_CHAT
def test_a_completion_is_text(client, model):
    whole = client.completions.create(model=model, prompt="Hi there")
    chunks = list(client.completions.create(model=model, prompt="Hi there", stream=True))

    assert whole.choices[0].text == "".join(chunk.choices[0].text for chunk in chunks) == "You said: Hi there"
    assert (whole.object, whole.model, whole.usage.total_tokens) == ("text_completion", model, 6)


def test_embeddings_come_as_base64_which_the_client_asks_for_and_as_numbers(client):
    asked = {"model": "letters", "input": ["area", "zoo"]}
    decoded = client.embeddings.create(**asked)
    numbers = client.embeddings.create(**asked, encoding_format="float")
    raw = client.embeddings.with_raw_response.create(**asked, encoding_format="base64")

    assert [list(each.embedding) for each in decoded.data] == [[0.5, 0.25, 0.0], [0.0, 0.0, 0.5]]
    assert [each.embedding for each in numbers.data] == [[0.5, 0.25, 0.0], [0.0, 0.0, 0.5]]
    assert json.loads(raw.text)["data"][0]["embedding"] == "AAAAPwAAgD4AAAAA"
    assert (decoded.model, decoded.usage.total_tokens) == ("letters", 2)


def test_models_are_the_endpoints_a_caller_may_use_under_both_names(chats, client):
    key = chats.make_key("reader", scopes=["call:only", "call:several/v1"])
    scoped = client_of(chats, api_key=key)
    mine = [model.id for model in scoped.models.list()]

    assert {"chat", "chat@v1", "chat@v2", "letters", "letters@v1"} <= {model.id for model in client.models.list()}
    assert not {"several", "ended", "ended@v1"} & {model.id for model in client.models.list()}
    assert mine == ["only", "only@v3", "several", "several@v1"]
    assert client.models.retrieve("chat@v1").id == "chat@v1"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("gpt-4.1")
    with pytest.raises(openai.PermissionDeniedError):
        scoped.models.retrieve("chat")
    assert unknown.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("model", "kind", "status", "code"),
    [
        ("gpt-4.1", openai.NotFoundError, 404, "model_not_found"),
        ("chat@v9", openai.NotFoundError, 404, "model_not_found"),
        ("several", openai.NotFoundError, 404, "model_not_found"),
        ("chat@v01", openai.NotFoundError, 404, "model_not_found"),
        ("letters", openai.BadRequestError, 400, "bad_request"),
        ("mirror", openai.BadRequestError, 400, "bad_request"),
        ("ended", openai.APIStatusError, 410, "version_gone"),
    ],
)
def test_a_model_that_cannot_answer_is_refused_in_the_clients_words(client, model, kind, status, code):
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=HI)

    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.type == "invalid_request_error"
    assert len(caught.value.request_id) == 26


def test_a_wrong_key_is_an_authentication_error(chats):
    with pytest.raises(openai.AuthenticationError) as caught:
        client_of(chats, api_key="hw_live_wrong").chat.completions.create(model="chat", messages=HI)

    assert (caught.value.type, caught.value.code) == ("authentication_error", "invalid_api_key")


def test_a_key_without_the_scope_is_told_so(chats):
    key = chats.make_key("narrow", scopes=["call:only"])

    with pytest.raises(openai.PermissionDeniedError):
        client_of(chats, api_key=key).chat.completions.create(model="chat", messages=HI)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"messages": [{"role": "nobody", "content": "x"}]}, "messages[0]"),
        ({"temperature": 9}, "temperature"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"store": True}, "store"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_wrong_field_is_named(client, more, param):
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(**{"model": "chat", "messages": HI, **more})

    assert caught.value.param.startswith(param)
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://example.com/cat.png", "file:///etc/passwd"])
def test_a_picture_is_taken_only_from_within_the_request(client, url):
    parts = [{"type": "text", "text": "what"}, {"type": "image_url", "image_url": {"url": url}}]

    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(model="chat", messages=[{"role": "user", "content": parts}])

    assert caught.value.param == "messages[0].content[1].image_url.url"
    assert "data: URL" in caught.value.message
    assert url not in caught.value.message


def test_a_picture_within_the_request_is_taken(client):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    parts = [{"type": "text", "text": "what"}, picture]
    answer = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": parts}])

    assert answer.choices[0].message.content == "You said: what"


def test_a_model_that_fails_is_a_server_error_without_its_text(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="chat@v1", messages=[{"role": "user", "content": "please fail now"}])

    assert (caught.value.status_code, caught.value.code, caught.value.type) == (502, "model_error", "server_error")
    assert "secret" not in str(caught.value)


def test_a_stream_that_breaks_raises_instead_of_ending(client):
    said = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(
            model="chat@v1", messages=[{"role": "user", "content": "please fail now"}], stream=True
        ):
            said.append(chunk.choices[0].delta.content or "")

    assert "".join(said) == "You said: please"
    assert caught.value.code == "model_error"
    assert "secret" not in str(caught.value)


def test_a_response_that_breaks_has_failed_and_raises(client):
    kinds = []
    with pytest.raises(openai.APIError) as caught:
        for event in client.responses.create(model="chat@v1", input="please fail now", stream=True):
            kinds.append(event.type)

    assert kinds[-1] == "response.failed"
    assert caught.value.code == "model_error"


def test_a_used_up_rate_that_takes_long_is_not_tried_again(chats):
    with client_of(chats, max_retries=2) as client:
        first = client.chat.completions.with_raw_response.create(model="scarce", messages=HI)
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="scarce", messages=HI)

    refused = caught.value.response
    assert first.headers["x-ratelimit-limit-requests"] == "1"
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert first.headers["x-ratelimit-reset-requests"] == "1h0m0s"
    assert caught.value.code == "rate_limit_exceeded"
    assert refused.headers["x-should-retry"] == "false"
    assert int(refused.headers["retry-after-ms"]) > 3_000_000
    assert refused.request.headers["x-stainless-retry-count"] == "0"


def test_a_used_up_rate_that_is_soon_there_again_is_waited_for(chats):
    with client_of(chats, max_retries=4) as client:
        answers = [client.chat.completions.create(model="brisk", messages=HI) for _ in range(4)]

    assert len(answers) == 4


@pytest.mark.parametrize("path", ["files", "batches", "fine_tuning/jobs", "responses/resp_1"])
def test_what_no_endpoint_is_there_for_is_not_found(chats, path):
    with client_of(chats) as client, pytest.raises(openai.NotFoundError) as caught:
        client.get(f"/{path}", cast_to=object)

    assert caught.value.code == "not_found"


@pytest.mark.parametrize("path", ["chat/completions", "completions", "responses"])
def test_a_stream_has_nothing_that_a_client_stumbles_over(chats, path):
    asked = (
        {"messages": HI} if path == "chat/completions" else {"input": "Hi"} if path == "responses" else {"prompt": "x"}
    )
    answer = chats.call(f"/v1/{path}", {"model": "chat@v1", "stream": True, **asked})
    lines = answer.body.split(b"\n")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert not [line for line in lines if line.startswith((b"id:", b"retry:"))]
    assert all(line == b"" or line.startswith((b"data: ", b"event: ", b":")) for line in lines)
    assert answer.body.endswith(b"data: [DONE]\n\n") is (path != "responses")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 422),
        (b"{", 400),
        (b'{"model":7}', 422),
        (b"{}", 422),
        (b'{"model":"chat","model":"x"}', 404),
    ],
)
def test_a_body_that_is_no_request_is_refused_in_openais_words(chats, body, status):
    answer = chats.call("/v1/chat/completions", body=body)

    assert answer.status == status
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}


def test_an_answer_is_kept_under_an_idempotency_key_and_told_again(client):
    headers = {"Idempotency-Key": "openai-1"}
    asked = {"model": "chat@v1", "messages": HI, "stream": True, "extra_headers": headers}
    first = list(client.chat.completions.create(**asked))
    again = client.chat.completions.with_raw_response.create(**asked)

    assert again.headers["idempotency-replayed"] == "true"
    assert list(again.parse()) == first


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_a_service_mounted_under_another_server_talks_the_same(tmp_path, server):
    config = "models: {p: {python: 'chatting:Parrot'}}\nendpoints: {chat: {v1: {task: chat, targets: [p]}}}\n"
    write_config(tmp_path, config, ("chatting.py",))
    with mounted(tmp_path, server) as running, client_of(running) as client:
        chunks = list(client.chat.completions.create(model="chat", messages=HI, stream=True))
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="none", messages=HI)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "You said: Hi there"
    assert caught.value.code == "model_not_found"
