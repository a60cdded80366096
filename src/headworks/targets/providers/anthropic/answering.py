"""What Anthropic's messages answer, typed; usage, whole messages and errors in our words."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct, structs

from headworks.costs import Count, Usage
from headworks.errors import HeadworksError, ProviderBroken
from headworks.targets.providers.anthropic.facts import ANSWER_TOOL, BY_CODE, FINISHES
from headworks.targets.providers.chat_out import Said, answered
from headworks.targets.providers.failing import Told, failed, texts
from headworks.targets.providers.understand import NULL, UNKNOWN, usage_in
from headworks.targets.providers.wire import Answer, HttpResponse


class Written(Struct, frozen=True):
    """Tokens written to the cache, by how long they stay there."""

    ephemeral_1h_input_tokens: Count | None = None


class Spent(Struct, frozen=True):
    """Tokens; what was read from or written to the cache is not part of `input_tokens`."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_creation: Written | None = None


class Block(Struct, frozen=True):
    """One block of an answer; the fields that its type has."""

    type: str
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")


class Error(Struct, frozen=True):
    """What went wrong."""

    type: str = ""
    message: str = ""


class Message(Struct, frozen=True):
    """A whole answer, or what a stream begins with."""

    type: str = ""
    id: str = ""
    model: str = ""
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Raw = NULL
    error: Error | None = None


_spent = msgspec.json.Decoder(Spent).decode


def usage_of(told: Raw, before: Usage = UNKNOWN) -> Usage:
    """Usage in our words; in a stream each telling is the sum so far and may leave out what was read, not what was written."""
    usage = usage_in(told, _spent, lambda spent: _since(spent, before))
    return structs.replace(before, output_tokens=None) if usage is None else usage


def _since(spent: Spent, told: Usage) -> Usage:
    read = spent.input_tokens
    if read is not None:
        read += (spent.cache_read_input_tokens or 0) + (spent.cache_creation_input_tokens or 0)
    kept, wrote = spent.cache_creation, spent.cache_creation_input_tokens
    return Usage(
        input_tokens=told.input_tokens if read is None else read,
        output_tokens=spent.output_tokens,
        cached_tokens=told.cached_tokens if spent.cache_read_input_tokens is None else spent.cache_read_input_tokens,
        written_tokens=told.written_tokens if wrote is None else wrote,
        written_hour_tokens=told.written_hour_tokens if kept is None else kept.ephemeral_1h_input_tokens,
    )


def answer_of(message: Message, model: str, is_json: bool) -> Answer:
    """The whole answer in the task's shape; the call of the answering tool is its content."""
    if message.content is None:
        raise refused_inside(message.error)
    said = Said(finish=FINISHES.get(message.stop_reason or "", "stop"), stopped_at=message.stop_sequence)
    for block in message.content:
        if block.type == "text":
            said.texts.append(block.text)
        elif block.type == "thinking" and block.thinking:
            said.thoughts.append(block.thinking)
        elif block.type == "tool_use" and is_json and block.name == ANSWER_TOOL:
            said.texts = [bytes(block.input).decode()]
        elif block.type == "tool_use":
            said.call(block.name, bytes(block.input), block.id)
    return answered(
        msgspec.structs.replace(said, finish=finish_of(said.finish, bool(said.calls))),
        message.id,
        message.model or model,
        usage_of(message.usage),
    )


def finish_of(finish: str, has_calls: bool) -> str:
    """Why it ended; calls of the answering tool alone are an ordinary end."""
    return "stop" if finish == "tool_calls" and not has_calls else finish


def refused(response: HttpResponse) -> HeadworksError:
    """What an answer that is none means, by its type and status."""
    try:
        error = msgspec.json.decode(response.body, type=Message).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        error = None
    return failed(_told(error), BY_CODE, response.status, response.headers)


def refused_inside(error: Error | None) -> HeadworksError:
    """What an error within a 200 or a stream means."""
    if error is None:
        return ProviderBroken(reason="neither an answer nor an error")
    return failed(_told(error), BY_CODE, 500)


def _told(error: Error | None) -> Told:
    return Told() if error is None else Told(texts((error.type,)), error.message)
