import asyncio

import msgspec
import pytest

pytest.importorskip("xllamacpp")

from examples.demo.models.smollm import MOST_ANSWERED_TOKENS, Talk, document_of, refusal  # noqa: E402

from headworks.errors import SchemaViolation  # noqa: E402
from headworks.tasks import chat  # noqa: E402


def asked(**words):
    return msgspec.convert({"messages": [{"role": "user", "content": "Hi"}]} | words, chat.Request)


def chunk(content):
    delta = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "timings": {}}
    return head | {"choices": [delta]}


class Engine:
    """Hands out these chunks, and remembers whether it was told to stop."""

    def __init__(self, *chunks, fails=None):
        self.chunks, self.fails, self.given = chunks, fails, 0

    def handle_chat_completions(self, document, take):
        for chunk in self.chunks:
            self.given += 1
            if take(chunk):
                return
        if self.fails:
            raise self.fails


def heard(engine, document=None, *, is_left=False):
    async def run():
        talk = Talk(asyncio.get_running_loop())
        talk.is_left = is_left
        await asyncio.to_thread(talk.run, engine, document or {})
        events = []
        while (event := await talk.events.get()) is not None:
            events.append(event)
        return events

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("words", "expected"),
    [({}, MOST_ANSWERED_TOKENS), ({"max_tokens": 7}, 7), ({"max_completion_tokens": 9, "max_tokens": 7}, 9),
     ({"max_tokens": 100_000}, MOST_ANSWERED_TOKENS)],
)  # fmt: skip
def test_an_answer_has_a_longest_length(words, expected):
    document = document_of(asked(**words))

    assert document["max_tokens"] == expected
    assert "max_completion_tokens" not in document


@pytest.mark.parametrize(
    ("words", "pointer"),
    [
        ({"tools": [{"type": "function", "function": {"name": "weather"}}]}, "/tools"),
        (
            {"messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]},
            "/messages/0/content",
        ),
    ],
)  # fmt: skip
def test_what_the_model_cannot_do_is_refused_with_its_place(words, pointer):
    with pytest.raises(SchemaViolation) as caught:
        document_of(asked(**words))

    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_chunks_come_in_order_and_without_what_the_contract_does_not_name():
    events = heard(Engine(chunk("Hel"), chunk("lo")))

    assert [event.choices[0].delta.content for event in events] == ["Hel", "lo"]


def test_an_engine_whose_caller_left_is_told_to_stop():
    engine = Engine(chunk("Hel"), chunk("lo"))
    talk = Talk(asyncio.new_event_loop())
    talk.is_left = True

    assert talk.take(chunk("Hel"))
    assert heard(engine, is_left=True) == []
    assert engine.given == 0
    talk.loop.close()


def test_a_conversation_that_is_too_long_is_the_callers_mistake_and_anything_else_is_not():
    (too_long,) = heard(Engine({"error": {"type": "exceed_context_size_error", "message": "secret"}}))
    (schema,) = heard(Engine(fails=ValueError("secret")), {"response_format": {}})
    (broken,) = heard(Engine(fails=RuntimeError("secret")))

    assert [error.pointer for error in (*too_long.errors, *schema.errors)] == ["/messages", "/response_format"]
    assert isinstance(broken, RuntimeError)
    assert "secret" not in str(refusal({"type": "other", "message": "secret"}))
