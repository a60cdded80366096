"""Every way to ask, by operation: what the routes that call an endpoint speak, and how errors are told there."""

from collections.abc import Mapping

from headworks.dialects.anthropic import errors as anthropic_errors
from headworks.dialects.anthropic.messages import Messages
from headworks.dialects.native.way import Native
from headworks.dialects.oip.way import Infer
from headworks.dialects.openai import errors as openai_errors
from headworks.dialects.openai.chat import Chat
from headworks.dialects.openai.completions import Completions
from headworks.dialects.openai.embeddings import Embeddings
from headworks.dialects.openai.more import images, moderations, speech
from headworks.dialects.openai.responses import Responses
from headworks.dialects.openai.transcriptions import Transcriptions
from headworks.ports import Dialect, Refusal
from headworks.routes import (
    CALL,
    CHAT,
    COMPLETIONS,
    COUNT_TOKENS,
    EMBEDDINGS,
    FORWARD,
    IMAGES,
    INFER,
    MESSAGES,
    MODEL,
    MODELS,
    MODERATIONS,
    OPENAI_NOT_BUILT,
    RESPONSES,
    SPEECH,
    TRANSCRIPTIONS,
)


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
        SPEECH: speech(),
        TRANSCRIPTIONS: Transcriptions(),
        MESSAGES: Messages(),
        INFER: Infer(),
    }


def refusals() -> Mapping[str, Refusal]:
    """How errors are told where clients expect another form than problem documents."""
    media = (MODERATIONS, IMAGES, SPEECH, TRANSCRIPTIONS)
    openai = (CHAT, COMPLETIONS, RESPONSES, EMBEDDINGS, *media, OPENAI_NOT_BUILT)
    return {
        **dict.fromkeys(openai, openai_errors.refusal),
        **dict.fromkeys((MESSAGES, COUNT_TOKENS), anthropic_errors.refusal),
        **dict.fromkeys((MODELS, MODEL), anthropic_errors.either_refusal),
    }
