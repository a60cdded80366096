"""Every way to ask, by operation: what the routes that call an endpoint speak, and how errors are told there."""

from collections.abc import Mapping

from msgspec import structs

from headworks.contract.schema import JSON
from headworks.dialects.anthropic import errors as anthropic_errors
from headworks.dialects.anthropic.counting import CountTokens
from headworks.dialects.anthropic.messages import Messages
from headworks.dialects.native.way import Native
from headworks.dialects.oip.way import Infer
from headworks.dialects.openai import errors as openai_errors
from headworks.dialects.openai.chat import Chat
from headworks.dialects.openai.completions import Completions
from headworks.dialects.openai.edits import Edits
from headworks.dialects.openai.embeddings import Embeddings
from headworks.dialects.openai.keeping import Kept, Shelf
from headworks.dialects.openai.more import images, moderations, speech
from headworks.dialects.openai.responses import Responses
from headworks.dialects.openai.transcriptions import Transcriptions
from headworks.errors import HeadworksError
from headworks.ports import Dialect, Refusal
from headworks.request.respond import problem
from headworks.routes import (
    CALL,
    CHAT,
    COMPLETIONS,
    COUNT_TOKENS,
    EDITS,
    EMBEDDINGS,
    FORWARD,
    IMAGES,
    INFER,
    KEPT_ACTS,
    KEPT_PATHS,
    MESSAGES,
    MODEL,
    MODELS,
    MODERATIONS,
    OF_TENSORS,
    RESPONSES,
    SPEECH,
    TRANSCRIPTIONS,
    kept_operation,
)
from headworks.targets import estimate
from headworks.values import Reply

_PAGE = frozenset({"after", "limit"})
_PAGED = {
    ("files", "list"): _PAGE | {"order", "purpose"},
    ("batches", "list"): _PAGE,
    ("fine-tuning", "list"): _PAGE,
    ("fine-tuning", "events"): _PAGE,
    ("fine-tuning", "checkpoints"): _PAGE,
    ("stored-responses", "input_items"): _PAGE | {"order"},
}


def dialects() -> Mapping[str, Dialect]:
    """What reads and writes each operation that calls an endpoint."""
    native = Native()
    return {
        CALL: native,
        FORWARD: native,
        CHAT: Chat(),
        COMPLETIONS: Completions(),
        RESPONSES: Responses(),
        EMBEDDINGS: Embeddings(),
        MODERATIONS: moderations(),
        IMAGES: images(),
        EDITS: Edits(),
        SPEECH: speech(),
        TRANSCRIPTIONS: Transcriptions(),
        MESSAGES: Messages(),
        COUNT_TOKENS: CountTokens(estimate.NAME),
        INFER: Infer(),
        **_kept(),
    }


def _kept() -> dict[str, Dialect]:
    """One for each thing that is done with what a provider keeps; only lists, and parts of a job, are asked for in pages."""
    found: dict[str, Dialect] = {}
    for task, acts in KEPT_ACTS.items():
        for action, _, _ in acts:
            asked = _PAGED.get((task, action), frozenset())
            found[kept_operation(task, action)] = Kept(Shelf(task, KEPT_PATHS[task], asked), action)
    return found


def refusals() -> Mapping[str, Refusal]:
    """How errors are told where clients expect another form than problem documents."""
    media = (MODERATIONS, IMAGES, EDITS, SPEECH, TRANSCRIPTIONS)
    openai = (CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, *media)
    return {
        **dict.fromkeys(openai, openai_errors.refusal),
        **dict.fromkeys(_kept(), openai_errors.thing_refusal),
        **dict.fromkeys((MESSAGES, COUNT_TOKENS), anthropic_errors.refusal),
        **dict.fromkeys((MODELS, MODEL), anthropic_errors.either_refusal),
        **dict.fromkeys(OF_TENSORS, _tensor_refusal),
    }


def _tensor_refusal(error: HeadworksError, request_id: str, instance: str) -> Reply:
    """A problem document, which has the protocol's `error`, as plain JSON: KServe's client reads no other type."""
    told = problem(error, request_id, instance)
    fields = tuple((name, JSON if name == "Content-Type" else value) for name, value in told.own_headers)
    return structs.replace(told, own_headers=fields)
