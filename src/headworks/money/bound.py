"""The most that one attempt can cost, known before it is sent.

Input is counted by bytes: no tokenizer makes more tokens of a text than it has bytes. A picture can be more tokens than
bytes, and providers add instructions of their own where tools are used; both have an allowance. Output is bounded by
the cap that is written into the request. What has no bound of the kind is named (contract/tasks/unbounded.py).
"""

from typing import Any

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder

from headworks.contract.tasks import completion
from headworks.contract.tasks.unbounded import Weight
from headworks.costs import Usage
from headworks.money.prices import cost_micros
from headworks.settings.money import Price
from headworks.values import Call

PICTURE_TOKENS = 50_000
TOOL_TOKENS = 2_000
BYTES_A_TOKEN = 4
USUAL_OUTPUT_TOKENS = 256
LEAST_SOUND_BYTES_A_SECOND = 500
"""No codec for speech in use takes less."""


TEXTS_A_SEARCH = 100
LEAST_BYTES_A_PIECE = 250
"""A reranker cuts texts longer than about 500 tokens, the query among them, and counts each piece as a text."""


class _Ranked(Struct, frozen=True):
    texts: list[str] = []


class _Parameters(Struct, frozen=True):
    max_new_tokens: int | None = None


class Asked(Struct, frozen=True):
    """What a request says of the size of its answer, in the words of any task."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    parameters: _Parameters | None = None
    n: int | None = None
    best_of: int | None = None
    prompt: Any = None

    @property
    def answers(self) -> int:
        """How many answers are written and billed, told or not: to each beginning the best of several."""
        return max(self.n or 1, self.best_of or 1, 1) * completion.beginnings(self.prompt)


_asked = Decoder(Asked).decode
_ranked = Decoder(_Ranked).decode
NOTHING = Asked()


def asked_of(call: Call) -> Asked:
    """What a call says of its answer's size; nothing where its input is no object.

    Cost: a microsecond a kilobyte.
    """
    try:
        return _asked(call.payload.document)
    except (DecodeError, ValidationError):
        return NOTHING


def output_cap(asked: Asked, price: Price | None, endpoint_most: int | None) -> int | None:
    """The most tokens that may be answered: the least of what the caller, the endpoint and the model allow; None for no bound."""
    said: int | None = None
    within = None if asked.parameters is None else asked.parameters.max_new_tokens
    for said in (asked.max_completion_tokens, asked.max_tokens, asked.max_output_tokens, within):
        if said is not None:
            break
    least = said
    for most in (endpoint_most, price.most_output if price else None):
        if most is not None and (least is None or most < least):
            least = most
    return least


def most_used(
    call: Call, asked: Asked, weight: Weight, price: Price, cap: int | None, added_tokens: int = 0
) -> Usage | None:
    """The most that an attempt can use of what has a price; None when there is no bound on its answer's length.

    What `weight` finds beyond its bytes is not counted.
    """
    payload = call.payload
    size = len(payload.document)
    for _, blob in payload.blobs:
        size += len(blob)
    if price.output and cap is None:
        return None
    count = asked.answers
    pictures = weight.pictures + len(payload.blobs)
    tokens = size + pictures * PICTURE_TOKENS + (TOOL_TOKENS if weight.has_tools else 0) + added_tokens
    written = tokens if price.written and _may_cache(payload.document) else None
    return Usage(
        input_tokens=tokens if price.input else None,
        output_tokens=None if not price.output or cap is None else cap * count,
        characters=size if price.characters else None,
        images=count * payload.rows if price.image else None,
        seconds=size / LEAST_SOUND_BYTES_A_SECOND if price.minute else None,
        searches=_searches(payload.document) if price.search else None,
        written_tokens=written,
        written_hour_tokens=written,
    )


def _may_cache(document: bytes) -> bool:
    """Whether a request may ask the vendor to keep what it reads, which costs more; an escape may hide the word."""
    return document.find(b"cache_control") >= 0 or document.find(b"\\u") >= 0  # `in` takes three times as long


def _searches(document: bytes) -> int:
    """The most searches that ranking these texts can be billed as."""
    try:
        texts = _ranked(document).texts
    except (DecodeError, ValidationError):
        return 1
    pieces = sum(max(1, -(-len(text.encode()) // LEAST_BYTES_A_PIECE)) for text in texts)
    return max(1, -(-pieces // TEXTS_A_SEARCH))


def bound_micros(
    call: Call, asked: Asked, weight: Weight, price: Price, cap: int | None, added_tokens: int = 0
) -> int | None:
    """The most that an attempt can cost by its bytes and its cap; None when there is no bound on it."""
    used = most_used(call, asked, weight, price, cap, added_tokens)
    return None if used is None else cost_micros(price, used)


def estimated_tokens(call: Call, asked: Asked, cap: int | None, added_tokens: int = 0) -> int:
    """About how many tokens an attempt will use, for rates of tokens: set right when it is known."""
    written = asked.answers * (cap if cap is not None else USUAL_OUTPUT_TOKENS)
    return (len(call.payload.document) + added_tokens) // BYTES_A_TOKEN + written
