"""What other dialects read of the task `chat`: its replies and events, typed, the rest left alone.

The task's own shapes are OpenAI's: `choices` with a `message` or a `delta`, and `usage`.
"""

from typing import Any

from msgspec import DecodeError, Raw, Struct, ValidationError
from msgspec.json import Decoder

from headworks.costs import Usage
from headworks.errors import ContractViolation


class FunctionView(Struct, frozen=True, gc=False):
    """The name of a called tool, and its arguments: JSON text, in a stream a piece of it."""

    name: str | None = None
    arguments: str | None = None


class ToolCallView(Struct, frozen=True):
    """One call of a tool; `index` tells the calls of one streamed turn apart."""

    index: int = 0
    id: str | None = None
    function: FunctionView = FunctionView()


class TurnView(Struct, frozen=True):
    """What the assistant says: a whole message, or what one event adds to it."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    tool_calls: list[ToolCallView] | None = None

    @property
    def thoughts(self) -> str:
        """What the model thought, under the one or the other name that servers of the dialect have for it."""
        other = self.reasoning if isinstance(self.reasoning, str) else ""
        return self.reasoning_content or other


class LogprobsView(Struct, frozen=True, gc=False):
    """The chances of the words of an answer, or of one event, each as the target told it."""

    content: list[Raw] | None = None


class ChoiceView(Struct, frozen=True):
    """One of the answers; most calls have one."""

    index: int = 0
    message: TurnView = TurnView()
    delta: TurnView = TurnView()
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    """The text (or token) at which it stopped because the caller had named it, where the target tells it."""
    logprobs: LogprobsView | None = None

    @property
    def chances(self) -> list[Raw]:
        """Those of its words that were told."""
        return [] if self.logprobs is None else self.logprobs.content or []


class InputDetails(Struct, frozen=True, gc=False):
    """Which input tokens came from a cache."""

    cached_tokens: int | None = None


class OutputDetails(Struct, frozen=True, gc=False):
    """Which output tokens were spent on thinking."""

    reasoning_tokens: int | None = None


class UsageView(Struct, frozen=True):
    """Tokens of a call."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None

    @property
    def cached_tokens(self) -> int:
        """Input tokens that came from a cache."""
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details is not None else 0

    @property
    def reasoning_tokens(self) -> int:
        """Output tokens spent on thinking."""
        details = self.completion_tokens_details
        return (details.reasoning_tokens or 0) if details is not None else 0


class ChatView(Struct, frozen=True):
    """A reply or an event of the task."""

    choices: list[ChoiceView] = []
    usage: UsageView | None = None


_read = Decoder(ChatView).decode


def chat_view(document: bytes) -> ChatView:
    """A reply or an event, as far as it is looked at.

    Raises: ContractViolation (502), when it is not of the task's shape.
    Cost: about 1 µs an event.
    """
    try:
        return _read(document)
    except (DecodeError, ValidationError) as error:
        raise ContractViolation(reason=f"an answer of the task chat cannot be read: {error}") from None


def viewed(usage: Usage | None) -> UsageView | None:
    """Tokens that a target told beside its answer, as the task tells them; None where either number is unknown."""
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    read, wrote = InputDetails(usage.cached_tokens), OutputDetails(usage.reasoning_tokens)
    return UsageView(usage.input_tokens, usage.output_tokens, read, wrote)


def usage_document(usage: UsageView) -> dict[str, Any]:
    """Tokens as the task tells them; what is unknown is left out."""
    document: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
    if usage.prompt_tokens_details is not None and usage.prompt_tokens_details.cached_tokens is not None:
        document["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.completion_tokens_details is not None and usage.completion_tokens_details.reasoning_tokens is not None:
        document["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return document
