"""What Google serves: task by task, which method of which service, and how its reply becomes ours."""

from __future__ import annotations

from collections.abc import Callable

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.counting import AnthropicMessageCount, AnthropicTokenCount
from headworks.targets.providers.anthropic.facts import VERTEX
from headworks.targets.providers.anthropic.messages import AnthropicMessages, allowed_betas
from headworks.targets.providers.gemini.chat import GeminiChat
from headworks.targets.providers.gemini.counting import GeminiTokenCount
from headworks.targets.providers.gemini.facts import VERTEX_MODELS
from headworks.targets.providers.google.language_categories import Categories
from headworks.targets.providers.google.language_entities import AnalyzeEntities
from headworks.targets.providers.google.language_sentiment import AnalyzeSentiment
from headworks.targets.providers.google.moderation import ModeratePicture, ModerateText
from headworks.targets.providers.google.place import parent_of
from headworks.targets.providers.google.translate_v2 import TranslateBasic
from headworks.targets.providers.google.translate_v3 import TranslateAdvanced
from headworks.targets.providers.google.vertex_embed import VertexEmbeddings
from headworks.targets.providers.google.vertex_predict import Predict
from headworks.targets.providers.google.vision_labels import DetectLabels, DetectUnsafe
from headworks.targets.providers.google.vision_objects import DetectObjects
from headworks.targets.providers.google.vision_text import DetectText
from headworks.targets.providers.offers import OWN_ENDPOINT_TASKS, Offer
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.wire import Operation, ProviderSettings

_LANGUAGE = "[/LANGUAGE]"


def _predict(task: str) -> Callable[[str, ProviderSettings], Operation]:
    def build(own: str, settings: ProviderSettings) -> Operation:
        if not own.replace("-", "").isalnum():
            where = FieldError(f"/providers/{settings.name}", "an endpoint is named by its id: letters, digits and -")
            raise ConfigurationRefused(errors=(where,))
        return Predict(task=task, model=own)

    return build


OFFERS: tuple[Offer, ...] = (
    Offer(
        "language:sentiment",
        "text-classification",
        "Natural Language v2 analyzeSentiment",
        "positive, negative, neutral, mixed from score and magnitude by the scale of tone; they sum to 1",
        lambda own, settings: AnalyzeSentiment(),
    ),
    Offer(
        "language:categories",
        "text-classification",
        "Natural Language v2 classifyText",
        "label = category path; score = confidence",
        lambda own, settings: Categories(),
    ),
    Offer(
        "language:moderation",
        "text-classification",
        "Natural Language v2 moderateText",
        "label = category; score = confidence",
        lambda own, settings: Categories(model="language:moderation", method="moderateText", unit=100),
    ),
    Offer(
        "language:entities",
        "token-classification",
        "Natural Language v2 analyzeEntities",
        "one entity a mention; group by the table of entity groups; score = probability; offsets in code points (UTF32)",
        lambda own, settings: AnalyzeEntities(),
    ),
    Offer(
        "language:moderation",
        "moderation",
        "Natural Language v2 moderateText",
        "categories under the service's names; flagged from a confidence of 0.5 in what does harm, not in topics; one text",
        lambda own, settings: ModerateText(),
    ),
    Offer(
        "vision:moderation",
        "moderation",
        "Cloud Vision SAFE_SEARCH_DETECTION",
        "score by the table of likelihoods; flagged from 0.5 in adult, violence or racy; one picture",
        lambda own, settings: ModeratePicture(),
    ),
    Offer(
        "vision:labels",
        "image-classification",
        "Cloud Vision LABEL_DETECTION",
        "label = description; score = score",
        lambda own, settings: DetectLabels(),
    ),
    Offer(
        "vision:moderation",
        "image-classification",
        "Cloud Vision SAFE_SEARCH_DETECTION",
        "label = adult, spoof, medical, violence, racy; score by the table of likelihoods",
        lambda own, settings: DetectUnsafe(),
    ),
    Offer(
        "vision:objects",
        "object-detection",
        "Cloud Vision OBJECT_LOCALIZATION",
        "box around the polygon, its parts of width and height times the upright picture's size, rounded",
        lambda own, settings: DetectObjects(),
    ),
    Offer(
        "vision:faces",
        "object-detection",
        "Cloud Vision FACE_DETECTION",
        "label = face; score = detectionConfidence; box around fdBoundingPoly (pixels)",
        lambda own, settings: DetectObjects(model="vision:faces", feature="FACE_DETECTION"),
    ),
    Offer(
        "vision:text",
        "ocr",
        "Cloud Vision DOCUMENT_TEXT_DETECTION",
        "words joined to lines at their breaks; score = mean confidence of the words by length; polygon from first and last word",
        lambda own, settings: DetectText(),
    ),
    Offer(
        "translate",
        "translation",
        "Cloud Translation v2, format text",
        "language tags by the table of the service's own codes, else without region and script; source detected unless named",
        lambda own, settings: TranslateBasic(target=own),
        _LANGUAGE,
    ),
    Offer(
        "translate-v3",
        "translation",
        "Cloud Translation v3 translateText, text/plain",
        "language tags by the table of the service's own codes, else without region and script; source detected unless named",
        lambda own, settings: TranslateAdvanced(parent=parent_of(settings), target=own),
        _LANGUAGE,
    ),
    Offer(
        "vertex",
        "chat",
        "Vertex AI generateContent, streamGenerateContent (Google's models)",
        "as kind gemini",
        lambda own, settings: GeminiChat(own, VERTEX_MODELS),
        ":MODEL",
    ),
    Offer(
        "vertex",
        "embeddings",
        "Vertex AI predict (Google's embedding models)",
        "one vector a text; texts too long are refused, never cut",
        lambda own, settings: VertexEmbeddings(model=own),
        ":MODEL",
    ),
    Offer(
        "vertex-anthropic",
        "chat",
        "Vertex AI rawPredict, streamRawPredict (Anthropic's models)",
        "as kind anthropic",
        lambda own, settings: AnthropicChat(own, VERTEX),
        ":MODEL",
    ),
    Offer(
        "vertex-anthropic",
        "messages",
        "Vertex AI rawPredict, streamRawPredict (Anthropic's models)",
        "as kind anthropic",
        lambda own, settings: AnthropicMessages(own, VERTEX, allowed_betas(settings)),
        ":MODEL",
    ),
    Offer(
        "vertex",
        "token-count",
        "Vertex AI countTokens (Google's models)",
        "the conversation as for `chat`",
        lambda own, settings: GeminiTokenCount(model=own, models=VERTEX_MODELS),
        ":MODEL",
    ),
    Offer(
        "vertex-anthropic",
        "token-count",
        "Vertex AI rawPredict of count-tokens (Anthropic's models)",
        "the conversation as for `chat`",
        lambda own, settings: AnthropicTokenCount(model=own, hosting=VERTEX),
        ":MODEL",
    ),
    Offer(
        "vertex-anthropic",
        "message-token-count",
        "Vertex AI rawPredict of count-tokens (Anthropic's models)",
        "the conversation as it stands",
        lambda own, settings: AnthropicMessageCount(model=own, hosting=VERTEX, betas=allowed_betas(settings)),
        ":MODEL",
    ),
    Offer(
        "vertex-open",
        "chat",
        "Vertex AI endpoints/openapi/chat/completions (open models)",
        "as kind openai",
        lambda own, settings: OpenAiChat(own, Server(path="/endpoints/openapi")),
        ":MODEL",
    ),
    *(
        Offer(
            "vertex-endpoint",
            task,
            "Vertex AI predict on a custom or AutoML endpoint",
            "the row is one instance, a picture its `inputs`; the prediction is the task's reply; numbers and AutoML's tabular "
            "forms are put into it",
            _predict(task),
            ":ENDPOINT",
        )
        for task in OWN_ENDPOINT_TASKS
    ),
)
