"""Chat: a small language model on llama.cpp, streamed as the engine makes it, a token or so an event."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import xllamacpp

import headworks
from headworks.errors import FieldError, SchemaViolation
from headworks.tasks import chat

from .places import MODELS

# Conversations at once; each has half of the engine's context, question and answer together.
AT_ONCE = 2
CONTEXT_TOKENS = 4096
MOST_ANSWERED_TOKENS = 512


class Assistant(headworks.Model):
    """SmolLM2-135M-Instruct, 4 bits a weight, on one thread. It is small: it talks, and is often wrong."""

    examples = [chat.Request(messages=[chat.UserMessage("Say hello.")], max_tokens=4)]

    def load(self) -> None:
        wanted = xllamacpp.CommonParams()
        wanted.model.path = str(MODELS / "smollm2.gguf")
        wanted.model_alias = {"smollm2-135m"}
        # Unless a caller says otherwise: what its makers recommend, and a little against turning in circles.
        wanted.sampling.temp, wanted.sampling.top_p, wanted.sampling.penalty_repeat = 0.2, 0.9, 1.05
        wanted.n_ctx, wanted.n_parallel = CONTEXT_TOKENS, AT_ONCE
        # Replicas, not threads, use the other cores: with two threads on two busy cores it is ten times slower.
        wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1
        # The engine listens on a port of loopback as well. Nobody knows this key, so nobody gets around the record.
        wanted.api_keys = [secrets.token_urlsafe()]
        wanted.verbosity = 0
        self.engine = xllamacpp.Server(wanted)
        self.threads = ThreadPoolExecutor(AT_ONCE)

    async def predict(self, request: chat.Request) -> AsyncIterator[chat.Event]:
        talk = Talk(asyncio.get_running_loop())
        self.threads.submit(talk.run, self.engine, document_of(request))
        try:
            while (event := await talk.events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            talk.is_left = True


class Talk:
    """One answer on its way from the engine's thread to the caller; its length bounds what waits here."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.events: asyncio.Queue[chat.Event | Exception | None] = asyncio.Queue()
        self.is_left = False

    def run(self, engine: xllamacpp.Server, document: dict[str, Any]) -> None:
        """Let the engine answer; the last event is None."""
        try:
            if not self.is_left:
                engine.handle_chat_completions(document, self.take)
        except ValueError as error:
            self.put(
                refused("/response_format", "no text follows this schema") if "response_format" in document else error
            )
        except Exception as error:
            self.put(error)
        self.put(None)

    def take(self, chunk: dict[str, Any]) -> bool:
        """Hand one chunk on; True tells the engine to stop, for the caller has left."""
        if "error" in chunk:
            self.put(refusal(chunk["error"]))
        else:
            self.put(msgspec.convert(chunk, chat.Event))
        return self.is_left

    def put(self, event: chat.Event | Exception | None) -> None:
        """From the engine's thread to the loop's; a loop that has ended has nobody left to tell."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.events.put_nowait, event)


def document_of(request: chat.Request) -> dict[str, Any]:
    """The request as the engine reads it.

    Raises: SchemaViolation for what so small a model cannot do.
    """
    if request.tools:
        raise refused("/tools", "this model calls no tools")
    for number, message in enumerate(request.messages):
        content = message.content
        if isinstance(content, list) and not all(isinstance(part, chat.TextPart) for part in content):
            raise refused(f"/messages/{number}/content", "this model reads text only")
    asked = {name: value for name, value in msgspec.to_builtins(request).items() if value is not None}
    most = asked.pop("max_completion_tokens", None) or asked.get("max_tokens") or MOST_ANSWERED_TOKENS
    asked["max_tokens"] = min(most, MOST_ANSWERED_TOKENS)
    return {**asked, "stream": True, "stream_options": {"include_usage": True}}


def refusal(error: dict[str, Any]) -> Exception:
    """What the engine's error means; its text stays here."""
    if error.get("type") == "exceed_context_size_error":
        return refused("/messages", f"the conversation is longer than {CONTEXT_TOKENS // AT_ONCE} tokens")
    return RuntimeError("the engine refused the call")


def refused(pointer: str, why: str) -> SchemaViolation:
    """The caller's own mistake, with its place."""
    return SchemaViolation(errors=(FieldError(pointer, why),))
