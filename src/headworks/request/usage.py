"""What an own model's answer says that it used, in the place that its task has for it: services outside are asked in another way.

The tasks of a language model have a field `usage`, in OpenAI's words or in Anthropic's; a stream has it in one of its last events.
"""

from collections.abc import Iterable

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder

from headworks.costs import Count, Usage
from headworks.values import Outcome

TELLING = frozenset({"chat", "completion", "embeddings", "messages", "responses"})
"""The tasks whose answers have a place for it."""
MARK = b'"usage":{'
"""What an event that tells it has in it, as a worker writes JSON."""
_OUTSIDE = "/"

Tokens = Count | None


class _Parts(Struct, frozen=True):
    cached_tokens: Tokens = None
    reasoning_tokens: Tokens = None


class _Told(Struct, frozen=True):
    prompt_tokens: Tokens = None
    completion_tokens: Tokens = None
    input_tokens: Tokens = None
    output_tokens: Tokens = None
    prompt_tokens_details: _Parts | None = None
    completion_tokens_details: _Parts | None = None
    input_tokens_details: _Parts | None = None
    output_tokens_details: _Parts | None = None


class _Inner(Struct, frozen=True):
    usage: _Told | None = None


class _Answer(Struct, frozen=True):
    usage: _Told | None = None
    message: _Inner | None = None
    response: _Inner | None = None


_decode = Decoder(_Answer).decode


def is_own(outcome: Outcome) -> bool:
    """Whether a model of our own has just answered: neither a service outside nor a kept answer has."""
    return outcome.attempts > 0 and _OUTSIDE not in outcome.target


def usage_told(documents: Iterable[bytes]) -> Usage | None:
    """What a whole answer, or events of one, tell: of each figure the last; None for nothing, or where the last telling cannot be true."""
    known: dict[str, int] = {}
    for document in documents:
        try:
            known |= _figures(_decode(document))
        except ValidationError:
            known = {}
        except (DecodeError, RecursionError):
            continue
    return Usage(**known) if known else None


def _figures(answer: _Answer) -> dict[str, int]:
    inner = next((each for each in (answer.response, answer.message) if each is not None), _Inner())
    told = answer.usage or inner.usage or _Told()
    read = told.prompt_tokens_details or told.input_tokens_details or _Parts()
    wrote = told.completion_tokens_details or told.output_tokens_details or _Parts()
    figures = {
        "input_tokens": told.input_tokens if told.prompt_tokens is None else told.prompt_tokens,
        "output_tokens": told.output_tokens if told.completion_tokens is None else told.completion_tokens,
        "cached_tokens": read.cached_tokens,
        "reasoning_tokens": wrote.reasoning_tokens,
    }
    return {name: figure for name, figure in figures.items() if figure is not None}
