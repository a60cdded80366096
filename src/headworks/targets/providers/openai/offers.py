"""What OpenAI's dialect serves, task by task; a reference is a model's name, which does not tell what the model is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headworks.targets.providers.offers import Offer
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.completion import OpenAiCompletion
from headworks.targets.providers.openai.edits import OpenAiEdits
from headworks.targets.providers.openai.embeddings import OpenAiEmbeddings
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.openai.files import files
from headworks.targets.providers.openai.images import OpenAiImages
from headworks.targets.providers.openai.jobs import batches, stored, tuning
from headworks.targets.providers.openai.moderation import OpenAiModeration
from headworks.targets.providers.openai.responses import OpenAiResponses
from headworks.targets.providers.openai.settings import server_of
from headworks.targets.providers.openai.speech import OpenAiSpeech
from headworks.targets.providers.openai.transcription import OpenAiTranscription
from headworks.targets.providers.wire import Operation, ProviderSettings

Maker = Callable[[str, Server], Operation]


MAKERS: Mapping[str, Maker] = {
    "chat": OpenAiChat,
    "completion": OpenAiCompletion,
    "embeddings": lambda model, server: OpenAiEmbeddings(model=model, server=server),
    "image-editing": lambda model, server: OpenAiEdits(model=model, server=server),
    "image-generation": lambda model, server: OpenAiImages(model=model, server=server),
    "moderation": lambda model, server: OpenAiModeration(model=model, server=server),
    "responses": OpenAiResponses,
    "speech-to-text": lambda model, server: OpenAiTranscription(model=model, server=server),
    "text-to-speech": lambda model, server: OpenAiSpeech(model=model, server=server),
}
"""What makes the operation of a task."""

_PASSED = "the caller's JSON and the answer's pass unaltered but for the model, the way of streaming and caps"
_SERVICES: Mapping[str, tuple[str, str]] = {
    "chat": ("/chat/completions", _PASSED),
    "completion": ("/completions", _PASSED),
    "embeddings": ("/embeddings", _PASSED),
    "image-editing": (
        "/images/edits",
        "pictures and mask as a form's files; a vendor's own texts and numbers handed on",
    ),
    "image-generation": ("/images/generations", _PASSED),
    "moderation": ("/moderations", _PASSED),
    "responses": ("/responses", _PASSED),
    "speech-to-text": ("/audio/transcriptions", "the recording as a form's file; segments as chunks, in seconds"),
    "text-to-speech": ("/audio/speech", "the sound in base64; voice `alloy` unless said"),
}


def _offer(task: str, make: Maker) -> Offer:
    path, mapping = _SERVICES[task]

    def build(model: str, settings: ProviderSettings) -> Operation:
        return make(model, server_of(settings))

    return Offer("", task, f"POST {path}", mapping, build, own="MODEL")


_OWNED = "the vendor's own documents, each caller's apart; nothing is translated but endpoints' names in the lines of batches"
KEEPING: Mapping[str, tuple[str, Callable[[Server], Operation]]] = {
    "files": ("/files", files),
    "batches": ("/batches", batches),
    "fine-tuning": ("/fine_tuning/jobs", tuning),
    "stored-responses": ("/responses/ID", stored),
}
"""What an account keeps: the path of each task, and what makes its operation."""


def _keeping_offer(task: str) -> Offer:
    path, make = KEEPING[task]
    return Offer(task, task, path, _OWNED, lambda _, settings: make(server_of(settings)))


OFFERS = (*(_offer(task, make) for task, make in MAKERS.items()), *map(_keeping_offer, KEEPING))
