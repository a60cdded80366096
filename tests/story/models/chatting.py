"""Chats that answer by rule, so that every word of an answer is known: streamed, whole, with tools, with JSON."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

import headworks
from headworks.tasks import chat, embeddings

HEAD: dict[str, Any] = {"id": "own-1", "created": 1_700_000_000, "model": "parrot"}


def last_text(request: chat.Request) -> str:
    content = request.messages[-1].content
    if isinstance(content, str):
        return content
    return " ".join(part.text for part in content or () if isinstance(part, chat.TextPart))


def answer_to(request: chat.Request) -> tuple[str, list[chat.ToolCall]]:
    """The text and the calls that a conversation is answered with."""
    said, last = last_text(request), request.messages[-1]
    if isinstance(last, chat.ToolMessage):
        return f"The tool says {said}", []
    if request.tools and request.tool_choice != "none":
        names = [tool.function.name for tool in request.tools if tool.function]
        calls = [
            chat.ToolCall(f"call_{at}", "function", chat.Called(name, json.dumps({"city": said, "at": at})))
            for at, name in enumerate(names)
        ]
        return "", calls
    if isinstance(request.response_format, chat.SchemaFormat):
        fields = (request.response_format.json_schema.schema or {}).get("properties", {})
        return json.dumps({name: said if field.get("type") == "string" else 7 for name, field in fields.items()}), []
    systems = [m.content for m in request.messages if isinstance(m, chat.SystemMessage | chat.DeveloperMessage)]
    return " ".join([*map(str, systems), f"You said: {said}"]), []


def usage_of(request: chat.Request, text: str) -> chat.Spent:
    read = sum(len(str(message.content).split()) for message in request.messages)
    return chat.Spent(read, len(text.split()), read + len(text.split()))


def event(delta: chat.Delta, finish: chat.Finish | None = None, usage: chat.Spent | None = None) -> chat.Event:
    return chat.Event(object="chat.completion.chunk", choices=[chat.ChoiceDelta(0, delta, finish)], usage=usage, **HEAD)


class Parrot(headworks.Model):
    """Streams a word at a time; `fail` breaks off after one, `stop` as a limit ends after two."""

    def predict(self, request: chat.Request) -> Iterator[chat.Event]:
        text, calls = answer_to(request)
        yield event(chat.Delta("assistant", ""))
        for at, word in enumerate(text.split(" ") if text else ()):
            if request.max_tokens is not None and at >= request.max_tokens:
                yield event(chat.Delta(), "length", usage_of(request, text))
                return
            if word == "fail":
                raise ValueError("secret-of-the-model")
            yield event(chat.Delta(content=word if at == 0 else f" {word}"))
        for index, call in enumerate(calls):
            called = call.function or chat.Called("", "")
            name = chat.CalledDelta(called.name, "")
            yield event(chat.Delta(tool_calls=[chat.ToolCallDelta(index, call.id, "function", name)]))
            half = len(called.arguments) // 2
            for piece in (called.arguments[:half], called.arguments[half:]):
                part = chat.ToolCallDelta(index, function=chat.CalledDelta(None, piece))
                yield event(chat.Delta(tool_calls=[part]))
        yield event(chat.Delta(), "tool_calls" if calls else "stop", usage_of(request, text))


class Whole(headworks.Model):
    """The same answers in one piece."""

    def predict(self, request: chat.Request) -> chat.Reply:
        text, calls = answer_to(request)
        message = chat.Answered("assistant", None if calls else text, calls or None)
        choice = chat.Choice(0, message, "tool_calls" if calls else "stop")
        return chat.Reply(object="chat.completion", choices=[choice], usage=usage_of(request, text), **HEAD)


class Letters(headworks.Model):
    """A text's vector: how often a, e and o stand in it."""

    def predict(self, request: embeddings.Request) -> embeddings.Reply:
        texts = [request.input] if isinstance(request.input, str) else [str(each) for each in request.input]
        vectors = [[text.count(letter) / 4 for letter in "aeo"] for text in texts]
        data = [embeddings.Embedding("embedding", at, vector) for at, vector in enumerate(vectors)]
        return embeddings.Reply("list", data, "letters", embeddings.Spent(len(texts), len(texts)))


class Text(msgspec.Struct):
    text: str


class Mirror(headworks.Model):
    """Of no task."""

    def predict(self, row: Text) -> Text:
        return row
