"""What Bedrock's Converse answers, whole. Source: service model bedrock-runtime 2023-09-30."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct, field

from headworks.costs import Count, Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.aws.converse_facts import FINISHES, MALFORMED
from headworks.targets.providers.chat_out import Said, answered
from headworks.targets.providers.understand import NULL, UNKNOWN, usage_in
from headworks.targets.providers.whole import decoded
from headworks.targets.providers.wire import Answer


class _Spent(Struct, frozen=True, rename="camel"):
    """Tokens; what was read from or written to the cache is not part of `inputTokens`."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_write_input_tokens: Count | None = None

    def usage(self) -> Usage:
        """The same in our words."""
        read, written = self.cache_read_input_tokens, self.cache_write_input_tokens
        fresh = self.input_tokens
        return Usage(None if fresh is None else fresh + (read or 0) + (written or 0), self.output_tokens, read)


class _ToolUse(Struct, frozen=True, rename="camel"):
    tool_use_id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")


class _ReasoningText(Struct, frozen=True):
    text: str = ""


class _Reasoning(Struct, frozen=True):
    whole: _ReasoningText = field(default=_ReasoningText(), name="reasoningText")
    text: str = ""


class Block(Struct, frozen=True, rename="camel"):
    """One block of an answer, or a stretch of one."""

    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None


class _Message(Struct, frozen=True):
    content: list[Block] = []


class _Output(Struct, frozen=True):
    message: _Message


class _Whole(Struct, frozen=True, rename="camel"):
    output: _Output
    stop_reason: str
    usage: Raw = NULL


_WHOLE = msgspec.json.Decoder(_Whole)
_spent = msgspec.json.Decoder(_Spent).decode


def answer_of(body: bytes, identity: str, model: str) -> Answer:
    """The whole answer in the task's shape.

    Raises: ProviderBroken.
    """
    told = decoded(_WHOLE, body)
    said = Said(finish=finish_of(told.stop_reason))
    for block in told.output.message.content:
        if block.text is not None:
            said.texts.append(block.text)
        if block.reasoning_content is not None and block.reasoning_content.whole.text:
            said.thoughts.append(block.reasoning_content.whole.text)
        if block.tool_use is not None:
            said.call(block.tool_use.name, bytes(block.tool_use.input), block.tool_use.tool_use_id)
    return answered(said, identity, model, usage_of(told.usage))


def usage_of(told: Raw) -> Usage:
    """Usage in our words; unknown where none is told."""
    return usage_in(told, _spent, _Spent.usage) or UNKNOWN


def finish_of(reason: str) -> str:
    """Why an answer ended.

    Raises: ProviderBroken when it ended in what nobody can use.
    """
    if reason in MALFORMED:
        raise ProviderBroken(reason=f"converse: {reason}")
    return FINISHES.get(reason, "stop")
