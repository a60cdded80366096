"""What AWS serves: task by task, which operation of which service, and how its reply becomes ours."""

from __future__ import annotations

from collections.abc import Callable

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.anthropic.facts import BEDROCK
from headworks.targets.providers.anthropic.messages import AnthropicMessages, allowed_betas
from headworks.targets.providers.aws.bedrock_anthropic import BedrockAnthropic
from headworks.targets.providers.aws.bedrock_converse import ConverseChat
from headworks.targets.providers.aws.bedrock_counting import BedrockTokenCount, converse_counted, invoke_counted
from headworks.targets.providers.aws.bedrock_embeddings import CohereOnBedrock, TitanEmbeddings
from headworks.targets.providers.aws.comprehend_entities import DetectEntities
from headworks.targets.providers.aws.comprehend_language import DetectDominantLanguage
from headworks.targets.providers.aws.comprehend_sentiment import DetectSentiment
from headworks.targets.providers.aws.moderation import DetectToxicContent, JudgePicture
from headworks.targets.providers.aws.rekognition_labels import DetectLabels, DetectModerationLabels
from headworks.targets.providers.aws.rekognition_objects import DetectFaces, DetectObjects
from headworks.targets.providers.aws.rekognition_text import DetectText
from headworks.targets.providers.aws.sagemaker import Endpoint
from headworks.targets.providers.aws.sagemaker_chat import SageMakerChat
from headworks.targets.providers.aws.sagemaker_csv import CsvEndpoint
from headworks.targets.providers.aws.textract import DetectDocumentText
from headworks.targets.providers.aws.translate import TranslateText
from headworks.targets.providers.offers import OWN_ENDPOINT_TASKS, Offer
from headworks.targets.providers.wire import Operation, ProviderSettings

_LANGUAGE = "[/LANGUAGE]"


def _language(own: str, settings: ProviderSettings) -> str:
    return own or str(settings.options.get("language", "en"))


def _endpoint(task: str) -> Callable[[str, ProviderSettings], Operation]:
    return lambda own, settings: Endpoint(task=task, model=own)


def _csv_endpoint(task: str) -> Callable[[str, ProviderSettings], Operation]:
    def build(own: str, settings: ProviderSettings) -> Operation:
        columns, labels = settings.options.get("columns", ()), settings.options.get("labels", ())
        if not columns or (task == "tabular-classification" and len(labels) < 2):
            what = (
                "columns, in the order that the model was trained with"
                if not columns
                else "labels, in the model's order"
            )
            where = f"/providers/{settings.name}/{what.partition(',')[0]}"
            raise ConfigurationRefused(errors=(FieldError(where, f"is required for {task} by CSV: {what}"),))
        return CsvEndpoint(task=task, model=own, columns=tuple(columns), labels=tuple(labels))

    return build


def _message_count(own: str, settings: ProviderSettings) -> Operation:
    asked = invoke_counted(AnthropicMessages(own, BEDROCK, allowed_betas(settings)))
    return BedrockTokenCount(task="message-token-count", model=own, counted=asked)


OFFERS: tuple[Offer, ...] = (
    Offer(
        "comprehend:sentiment",
        "text-classification",
        "Amazon Comprehend DetectSentiment",
        "positive, negative, neutral, mixed; score = the service's confidence in each (they sum to 1)",
        lambda own, settings: DetectSentiment(language=_language(own, settings)),
        _LANGUAGE,
    ),
    Offer(
        "comprehend:language",
        "text-classification",
        "Amazon Comprehend DetectDominantLanguage",
        "label = language tag (BCP 47); score = confidence",
        lambda own, settings: DetectDominantLanguage(),
    ),
    Offer(
        "comprehend:entities",
        "token-classification",
        "Amazon Comprehend DetectEntities",
        "group by the table of entity groups; offsets are code points as the service counts them; word cut from the text",
        lambda own, settings: DetectEntities(language=_language(own, settings)),
        _LANGUAGE,
    ),
    Offer(
        "comprehend:pii",
        "token-classification",
        "Amazon Comprehend DetectPiiEntities",
        "group = the service's kind (EMAIL, NAME, SSN ...); offsets and word as for entities",
        lambda own, settings: DetectEntities(language=_language(own, settings), pii=True, model="comprehend:pii"),
        _LANGUAGE,
    ),
    Offer(
        "comprehend:toxicity",
        "moderation",
        "Amazon Comprehend DetectToxicContent",
        "categories under the service's names; flagged from a score of 0.5; up to ten texts",
        lambda own, settings: DetectToxicContent(language=_language(own, settings)),
        _LANGUAGE,
    ),
    Offer(
        "rekognition:moderation",
        "moderation",
        "Amazon Rekognition DetectModerationLabels",
        "categories under the service's names; score = confidence / 100; one picture",
        lambda own, settings: JudgePicture(),
    ),
    Offer(
        "rekognition:labels",
        "image-classification",
        "Amazon Rekognition DetectLabels",
        "label = name; score = confidence / 100",
        lambda own, settings: DetectLabels(),
    ),
    Offer(
        "rekognition:moderation",
        "image-classification",
        "Amazon Rekognition DetectModerationLabels",
        "label = name, on every level of the taxonomy; score = confidence / 100",
        lambda own, settings: DetectModerationLabels(),
    ),
    Offer(
        "rekognition:objects",
        "object-detection",
        "Amazon Rekognition DetectLabels, instances",
        "one detection an instance; parts of width and height times the upright picture's size, rounded, cut at its edges",
        lambda own, settings: DetectObjects(),
    ),
    Offer(
        "rekognition:faces",
        "object-detection",
        "Amazon Rekognition DetectFaces",
        "label = face; score = confidence / 100; box as for objects",
        lambda own, settings: DetectFaces(),
    ),
    Offer(
        "rekognition:text",
        "ocr",
        "Amazon Rekognition DetectText, lines",
        "score = confidence / 100; box and polygon in pixels of the upright picture",
        lambda own, settings: DetectText(),
    ),
    Offer(
        "textract:text",
        "ocr",
        "Amazon Textract DetectDocumentText, lines",
        "score = confidence / 100; box and polygon in pixels of the upright picture",
        lambda own, settings: DetectDocumentText(),
    ),
    Offer(
        "translate",
        "translation",
        "Amazon Translate TranslateText",
        "language tags by the table of the service's own codes, else without region and script; source auto unless named",
        lambda own, settings: TranslateText(target=own),
        _LANGUAGE,
    ),
    Offer(
        "bedrock",
        "chat",
        "Amazon Bedrock Converse, ConverseStream",
        "turns, tools, pictures, documents and sound translated both ways; JSON by outputConfig; thoughts as `reasoning_content`; "
        "`reasoning_effort` as effort where a model of Anthropic's has one; `seed` left out",
        lambda own, settings: ConverseChat(own),
        ":MODEL",
    ),
    Offer(
        "bedrock-invoke",
        "chat",
        "Amazon Bedrock InvokeModel, InvokeModelWithResponseStream (Anthropic's models)",
        "as kind anthropic",
        lambda own, settings: BedrockAnthropic(AnthropicChat(own, BEDROCK)),
        ":MODEL",
    ),
    Offer(
        "bedrock-invoke",
        "messages",
        "Amazon Bedrock InvokeModel, InvokeModelWithResponseStream (Anthropic's models)",
        "as kind anthropic",
        lambda own, settings: BedrockAnthropic(AnthropicMessages(own, BEDROCK, allowed_betas(settings))),
        ":MODEL",
    ),
    Offer(
        "bedrock-titan",
        "embeddings",
        "Amazon Bedrock InvokeModel (Amazon Titan Text Embeddings)",
        "one text a call; tokens as the answer's head tells them",
        lambda own, settings: TitanEmbeddings(model=own),
        ":MODEL",
    ),
    Offer(
        "bedrock-cohere",
        "embeddings",
        "Amazon Bedrock InvokeModel (Cohere Embed)",
        "up to 96 texts a call; `input_type` search_document unless said; texts too long are refused, never cut",
        lambda own, settings: CohereOnBedrock(model=own),
        ":MODEL",
    ),
    Offer(
        "bedrock",
        "token-count",
        "Amazon Bedrock CountTokens, as for Converse",
        "the conversation as for `chat`",
        lambda own, settings: BedrockTokenCount(model=own, counted=converse_counted),
        ":MODEL",
    ),
    Offer(
        "bedrock-invoke",
        "token-count",
        "Amazon Bedrock CountTokens, as for InvokeModel (Anthropic's models)",
        "the conversation as for `chat`",
        lambda own, settings: BedrockTokenCount(model=own, counted=invoke_counted(AnthropicChat(own, BEDROCK))),
        ":MODEL",
    ),
    Offer(
        "bedrock-invoke",
        "message-token-count",
        "Amazon Bedrock CountTokens, as for InvokeModel (Anthropic's models)",
        "the conversation as it stands",
        _message_count,
        ":MODEL",
    ),
    Offer(
        "sagemaker",
        "chat",
        "Amazon SageMaker InvokeEndpoint, InvokeEndpointWithResponseStream",
        "as kind openai: the container speaks OpenAI's dialect",
        lambda own, settings: SageMakerChat(own),
        ":ENDPOINT",
    ),
    *(
        Offer(
            "sagemaker",
            task,
            "Amazon SageMaker InvokeEndpoint, JSON",
            "the row as it is, a picture as bytes; the container answers in the task's shape",
            _endpoint(task),
            ":ENDPOINT",
        )
        for task in OWN_ENDPOINT_TASKS
    ),
    *(
        Offer(
            "sagemaker-csv",
            task,
            "Amazon SageMaker InvokeEndpoint, CSV",
            "values in the order of `columns`; the numbers are the prediction or the chances of `labels`",
            _csv_endpoint(task),
            ":ENDPOINT",
        )
        for task in ("tabular-classification", "tabular-regression")
    ),
)
