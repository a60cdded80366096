"""A team's own chats by their own path: whole and in events, whichever of the two the model gives."""

import json

import pytest

from headworks.edge.events import EventReader

HI = {"messages": [{"role": "user", "content": "Hi there"}]}
EVERY_CHAT = pytest.mark.parametrize("version", [1, 2], ids=["a model that streams", "one that does not"])


@EVERY_CHAT
def test_a_chat_is_answered_whole(chats, version):
    answer = chats.call(f"/api/chat/v{version}", HI)

    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"] == "You said: Hi there"
    assert answer.json["usage"]["total_tokens"] == 6
    assert answer.json["model"] == "parrot"


@EVERY_CHAT
def test_a_chat_is_answered_in_events(chats, version):
    answer = chats.call(f"/api/chat/v{version}", HI, headers={"Accept": "text/event-stream"})
    events = EventReader().feed(answer.body)
    chunks = [json.loads(data) for name, data in events if name == "message"]

    assert events[-1][0] == "end"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    said = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "".join(said) == "You said: Hi there"
    assert b"null" not in answer.body


@EVERY_CHAT
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_what_a_chat_says_that_it_used_is_in_its_record(chats, version, accept):
    answer = chats.call(f"/api/chat/v{version}", HI, headers={"Accept": accept})
    shown = chats.cli("records", "show", answer.headers["x-request-id"])
    usage = shown["usage"]

    assert (usage["input_tokens"], usage["output_tokens"], usage["cached_tokens"]) == (2, 4, None)


def test_what_an_embedding_read_is_in_its_record_too(chats):
    answer = chats.call("/api/letters/v1", {"input": ["area", "oe"]})
    usage = chats.cli("records", "show", answer.headers["x-request-id"])["usage"]

    assert (usage["input_tokens"], usage["output_tokens"]) == (2, None)


def test_what_an_open_task_does_not_name_may_be_sent_and_passed_over(chats):
    assert chats.call("/api/chat/v2", {**HI, "made_up": 1}).status == 200


def test_the_catalogue_and_the_description_name_the_task(chats):
    shown = chats.get("/api/chat/v1").json
    described = chats.get("/openapi.json").json

    assert shown["task"] == "chat"
    assert "/api/chat/v1" in described["paths"]


def test_an_embedding_is_answered_natively_too(chats):
    answer = chats.call("/api/letters/v1", {"input": "area"})

    assert answer.json["data"][0]["embedding"] == [0.5, 0.25, 0.0]
