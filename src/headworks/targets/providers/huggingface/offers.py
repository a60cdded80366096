"""What Hugging Face serves: any model of the hub by its pipeline, and what its two servers do, task by task."""

from __future__ import annotations

from collections.abc import Callable

from headworks.targets.providers.huggingface import tei, tgi
from headworks.targets.providers.huggingface.pipeline import DEDICATED, Pipeline, path_of
from headworks.targets.providers.huggingface.pipeline_labels import PictureLabels, TextLabels
from headworks.targets.providers.huggingface.pipeline_objects import Objects
from headworks.targets.providers.huggingface.pipeline_pictures import Painting
from headworks.targets.providers.huggingface.pipeline_sound import Words
from headworks.targets.providers.huggingface.pipeline_texts import Summary, Translation
from headworks.targets.providers.huggingface.pipeline_tokens import Tokens
from headworks.targets.providers.huggingface.pipeline_vectors import Vectors
from headworks.targets.providers.huggingface.settings import labels_of
from headworks.targets.providers.offers import Offer
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.wire import Operation, ProviderSettings

_SERVER = Server(path="/v1")
_PIPELINES: tuple[tuple[str, type[Pipeline], str], ...] = (
    ("text-classification", TextLabels, "labels as the model has them, sentiments by the table; `labels` renames"),
    (
        "token-classification",
        Tokens,
        "group by the table of entity groups; offsets in code points; word cut from the text",
    ),
    ("translation", Translation, "`src_lang` and `tgt_lang` handed on as they are"),
    ("summarization", Summary, "bounds on words handed on as bounds on tokens"),
    ("image-classification", PictureLabels, "labels as the model has them; `labels` renames"),
    ("object-detection", Objects, "pixels as they come, rounded, kept inside the upright picture"),
    ("embeddings", Vectors, "pipeline feature-extraction: vectors as the model pools them"),
    ("speech-to-text", Words, "pipeline automatic-speech-recognition; language and prompt left out"),
    ("image-generation", Painting, "pipeline text-to-image: one picture, of the size where one is named"),
)


def _routed(make: type[Pipeline]) -> Callable[[str, ProviderSettings], Operation]:
    return lambda own, settings: make(model=own, path=path_of(own, make.suffix), labels=labels_of(settings))  # type: ignore[call-arg,return-value]


def _dedicated(make: type[Pipeline]) -> Callable[[str, ProviderSettings], Operation]:
    return lambda own, settings: make(model="pipeline", path=DEDICATED, labels=labels_of(settings))  # type: ignore[call-arg,return-value]


OFFERS: tuple[Offer, ...] = (
    Offer(
        "",
        "chat",
        "Inference Providers, POST /v1/chat/completions",
        "as kind openai; `MODEL:PROVIDER` chooses who runs it",
        lambda own, settings: OpenAiChat(own, _SERVER),
        "MODEL",
    ),
    *(
        Offer("", task, f"Inference Providers (hf-inference), pipeline {task}", mapping, _routed(make), "MODEL")
        for task, make, mapping in _PIPELINES
    ),
    *(
        Offer("pipeline", task, f"dedicated endpoint at base_url, pipeline {task}", mapping, _dedicated(make))
        for task, make, mapping in _PIPELINES
    ),
    Offer(
        "tei",
        "text-classification",
        "Text Embeddings Inference at base_url, POST /predict",
        "as for pipelines; scores are chances",
        lambda own, settings: tei.Predict(labels=labels_of(settings)),
    ),
    Offer(
        "tei",
        "rerank",
        "Text Embeddings Inference at base_url, POST /rerank",
        "scores between 0 and 1; texts too long are refused, never cut",
        lambda own, settings: tei.Rerank(),
    ),
    Offer(
        "tei",
        "embeddings",
        "Text Embeddings Inference at base_url, POST /embed",
        "vectors of length 1; texts too long are refused, never cut",
        lambda own, settings: tei.Embed(),
    ),
    Offer(
        "tgi",
        "generate",
        "Text Generation Inference at base_url, POST /generate",
        "parameters by the same names; usage = generated tokens",
        lambda own, settings: tgi.Generate(),
    ),
    Offer(
        "tgi",
        "chat",
        "Text Generation Inference at base_url, POST /v1/chat/completions",
        "as kind openai",
        lambda own, settings: OpenAiChat("tgi", _SERVER),
    ),
)
