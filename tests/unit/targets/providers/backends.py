"""Every operation the cloud kinds offer, what it is asked, and what its service answers; and a team's own model of each task."""

import json
from base64 import b64encode
from importlib import import_module
from typing import Any

from google.cloud import language_v2 as language
from google.cloud import translate_v3 as translate
from google.cloud import vision_v1 as vision

from headworks.secret import Secret
from headworks.targets.providers.offers import Offer
from headworks.targets.providers.wire import Ask, HttpResponse, ProviderSettings
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers import vendor_aws, vendor_google
from tests.unit.targets.providers.asks import picture, text
from tests.unit.targets.providers.recordings import recorded

PLACE = {"region": "eu-west-1", "columns": ["age"], "labels": ["no", "yes"]}
KINDS = {
    "aws": ProviderSettings("aws", "aws", keys=(Secret("id:key"),), options=PLACE),
    "google": ProviderSettings("google", "google", options={"project": "team-1"}),
    "huggingface": ProviderSettings("huggingface", "huggingface", "http://127.0.0.1:1", (Secret("hf_x"),)),
}
WORD = "Łódź"
TEXT = text(f"👩‍🚀 in {WORD}", tgt_lang="en")
PICTURE = png(200, 100)
ASKS: dict[str, Ask] = {
    "chat": Ask(b'{"messages":[{"role":"user","content":"hello"}]}'),
    "embeddings": Ask(b'{"input": "a"}'),
    "generate": Ask(b'{"inputs": "Once"}'),
    "image-classification": picture(PICTURE),
    "image-generation": Ask(b'{"prompt": "a cat", "size": "512x512"}'),
    "speech-to-text": Ask(b"{}", (("inputs", b"RIFFx"),)),
    "object-detection": picture(PICTURE),
    "ocr": picture(PICTURE),
    "messages": Ask(b'{"messages":[{"role":"user","content":"hello"}],"max_tokens":9}'),
    "message-token-count": Ask(b'{"messages":[{"role":"user","content":"hello"}]}'),
    "token-count": Ask(b'{"messages":[{"role":"user","content":"hello"}]}'),
    "recommendation": Ask(b'{"user": "42"}'),
    "rerank": Ask(b'{"query": "q", "texts": ["a"]}'),
    "summarization": text("a"),
    "tabular-classification": Ask(b'{"age": 3}'),
    "tabular-regression": Ask(b'{"age": 3}'),
    "text-classification": text("so so"),
    "token-classification": text(f"👩‍🚀 in {WORD}"),
    "translation": TEXT,
}
AT = json.loads(TEXT.document)["inputs"].index(WORD)
LABEL = {"label": "neutral", "score": 0.5}
DONE: dict[str, Any] = {
    "embeddings": {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}], "model": "m"},
    "generate": {"generated_text": "x"},
    "image-classification": [LABEL],
    "image-generation": {"created": 0, "data": [{"b64_json": b64encode(PICTURE).decode()}]},
    "moderation": {
        "id": "",
        "model": "m",
        "results": [{"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.25}}],
    },
    "object-detection": [{**LABEL, "box": {"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}}],
    "ocr": [
        {"text": "a", "score": 0.5, "box": {"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}, "polygon": [{"x": 0, "y": 0}]}
    ],
    "recommendation": [{"item": "b", "title": None, "score": 1.5}],
    "rerank": [{"index": 0, "score": 0.5}],
    "speech-to-text": {"text": "hi", "chunks": [{"text": "hi", "timestamp": [0.0, 1.5]}]},
    "summarization": {"summary_text": "x"},
    "tabular-classification": {"label": "no", "score": 0.75, "probabilities": {"no": 0.75, "yes": 0.25}},
    "tabular-regression": {"prediction": 2.5},
    "text-classification": [LABEL],
    "token-classification": [
        {"entity_group": "LOCATION", "score": 0.5, "word": WORD, "start": AT, "end": AT + len(WORD)}
    ],
    "token-count": {"input_tokens": 3},
    "message-token-count": {"input_tokens": 3},
    "messages": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "translation": {"translation_text": "x"},
}
"""A finished reply of each task: what a team's own container answers with."""
BOX = {"Width": 0.5, "Height": 0.5, "Left": 0.25, "Top": 0.25}
GEOMETRY = {"BoundingBox": BOX, "Polygon": [{"X": 0.25, "Y": 0.25}, {"X": 0.75, "Y": 0.25}]}
AWS_ENTITY = {"Score": 0.5, "BeginOffset": AT, "EndOffset": AT + len(WORD)}
SENTIMENT = {"Sentiment": "MIXED", "SentimentScore": {"Positive": 0.25, "Negative": 0.25, "Neutral": 0.0, "Mixed": 0.5}}


def aws(service, operation, told):
    return vendor_aws.reply(service, operation, told)


def seen(**fields):
    return vendor_google.reply(vision.BatchAnnotateImagesResponse(responses=[vision.AnnotateImageResponse(**fields)]))


def answer(told, media="application/json"):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return HttpResponse(200, {"content-type": media}, body)


def poly():
    return vision.BoundingPoly(vertices=[vision.Vertex(x=1, y=1), vision.Vertex(x=9, y=9)])


def mention():
    span = language.TextSpan(content=WORD, begin_offset=AT)
    return language.Entity(type_="LOCATION", mentions=[language.EntityMention(text=span, probability=0.5)])


def page():
    word = vision.Word(symbols=[vision.Symbol(text="a")], bounding_box=poly(), confidence=0.5)
    return vision.Page(blocks=[vision.Block(paragraphs=[vision.Paragraph(words=[word])])])


def first(path, **terms):
    return recorded(path, **terms)[0].response


def claude():
    return next(each.response for each in recorded("/invoke") if "anthropic_version" in each.asked)


ANSWERS = {
    ("aws", "comprehend:sentiment"): lambda: aws("comprehend", "DetectSentiment", SENTIMENT),
    ("aws", "comprehend:language"): lambda: aws(
        "comprehend", "DetectDominantLanguage", {"Languages": [{"LanguageCode": "en", "Score": 0.5}]}
    ),
    ("aws", "comprehend:entities"): lambda: aws(
        "comprehend", "DetectEntities", {"Entities": [{**AWS_ENTITY, "Type": "LOCATION", "Text": WORD}]}
    ),
    ("aws", "comprehend:pii"): lambda: aws(
        "comprehend", "DetectPiiEntities", {"Entities": [{**AWS_ENTITY, "Type": "ADDRESS"}]}
    ),
    ("aws", "comprehend:toxicity"): lambda: aws(
        "comprehend",
        "DetectToxicContent",
        {"ResultList": [{"Labels": [{"Name": "INSULT", "Score": 0.5}], "Toxicity": 0.5}]},
    ),
    ("aws", "rekognition:labels"): lambda: aws(
        "rekognition", "DetectLabels", {"Labels": [{"Name": "Cat", "Confidence": 50.0}]}
    ),
    ("aws", "rekognition:moderation"): lambda: aws(
        "rekognition", "DetectModerationLabels", {"ModerationLabels": [{"Name": "Weapons", "Confidence": 50.0}]}
    ),
    ("aws", "rekognition:objects"): lambda: aws(
        "rekognition",
        "DetectLabels",
        {"Labels": [{"Name": "Cat", "Confidence": 50.0, "Instances": [{"BoundingBox": BOX, "Confidence": 50.0}]}]},
    ),
    ("aws", "rekognition:faces"): lambda: aws(
        "rekognition", "DetectFaces", {"FaceDetails": [{"BoundingBox": BOX, "Confidence": 50.0}]}
    ),
    ("aws", "rekognition:text"): lambda: aws(
        "rekognition",
        "DetectText",
        {"TextDetections": [{"DetectedText": "a", "Type": "LINE", "Confidence": 50.0, "Geometry": GEOMETRY}]},
    ),
    ("aws", "textract:text"): lambda: aws(
        "textract",
        "DetectDocumentText",
        {"Blocks": [{"BlockType": "LINE", "Text": "a", "Confidence": 50.0, "Geometry": GEOMETRY}]},
    ),
    ("aws", "translate"): lambda: aws(
        "translate", "TranslateText", {"TranslatedText": "x", "SourceLanguageCode": "pl", "TargetLanguageCode": "en"}
    ),
    ("aws", "bedrock"): lambda: first("/converse"),
    ("aws", "bedrock-invoke"): claude,
    ("google", "language:sentiment"): lambda: vendor_google.reply(
        language.AnalyzeSentimentResponse(document_sentiment={"score": 0.5, "magnitude": 0.75}, sentences=[{}])
    ),
    ("google", "language:categories"): lambda: vendor_google.reply(
        language.ClassifyTextResponse(categories=[{"name": "/Arts", "confidence": 0.5}])
    ),
    ("google", "language:moderation"): lambda: vendor_google.reply(
        language.ModerateTextResponse(moderation_categories=[{"name": "Toxic", "confidence": 0.5}])
    ),
    ("google", "language:entities"): lambda: vendor_google.reply(
        language.AnalyzeEntitiesResponse(entities=[mention()])
    ),
    ("google", "vision:labels"): lambda: seen(label_annotations=[{"description": "cat", "score": 0.5}]),
    ("google", "vision:moderation"): lambda: seen(safe_search_annotation={"adult": "POSSIBLE"}),
    ("google", "vision:objects"): lambda: seen(
        localized_object_annotations=[{"name": "Cat", "score": 0.5, "bounding_poly": poly()}]
    ),
    ("google", "vision:faces"): lambda: seen(
        face_annotations=[{"detection_confidence": 0.5, "fd_bounding_poly": poly()}]
    ),
    ("google", "vision:text"): lambda: seen(full_text_annotation={"pages": [page()]}),
    ("google", "translate"): lambda: answer({"data": {"translations": [{"translatedText": "x"}]}}),
    ("google", "translate-v3"): lambda: vendor_google.reply(
        translate.TranslateTextResponse(translations=[{"translated_text": "x"}])
    ),
    ("google", "vertex"): lambda: first(":generateContent", host="aiplatform"),
    ("google", "vertex-anthropic"): claude,
    ("google", "vertex-open"): lambda: first("/chat/completions", host="api.openai.com"),
    ("huggingface", "tgi"): lambda: answer({"generated_text": "x"}),
}
OTHER_ANSWERS = {
    ("aws", "bedrock", "token-count"): lambda: answer({"inputTokens": 3}),
    ("aws", "bedrock-invoke", "token-count"): lambda: answer({"inputTokens": 3}),
    ("aws", "bedrock-invoke", "message-token-count"): lambda: answer({"inputTokens": 3}),
    ("google", "vertex", "token-count"): lambda: answer({"totalTokens": 3, "totalBillableCharacters": 5}),
    ("google", "vertex-anthropic", "token-count"): lambda: answer({"input_tokens": 3}),
    ("google", "vertex-anthropic", "message-token-count"): lambda: answer({"input_tokens": 3}),
    ("aws", "bedrock-titan", "embeddings"): lambda: answer({"embedding": [1.0], "inputTextTokenCount": 1}),
    ("aws", "bedrock-cohere", "embeddings"): lambda: answer(
        {"id": "e", "embeddings": {"float": [[1.0]]}, "texts": ["a"]}
    ),
    ("aws", "sagemaker", "chat"): lambda: first("/chat/completions", host="api.openai.com"),
    ("aws", "sagemaker-csv", "tabular-regression"): lambda: answer(b"2.5\n", "text/csv"),
    ("aws", "sagemaker-csv", "tabular-classification"): lambda: answer(b"0.25\n", "text/csv"),
    ("google", "vertex", "embeddings"): lambda: answer({"predictions": [{"embeddings": {"values": [1.0]}}]}),
    ("huggingface", "", "chat"): lambda: first("/chat/completions", host="api.openai.com"),
    ("huggingface", "tgi", "chat"): lambda: first("/chat/completions", host="api.openai.com"),
    ("huggingface", "tei", "embeddings"): lambda: answer([[1.0]]),
    ("huggingface", "", "embeddings"): lambda: answer([[1.0]]),
    ("huggingface", "pipeline", "embeddings"): lambda: answer([[1.0]]),
    ("huggingface", "", "image-generation"): lambda: answer(PICTURE, "image/png"),
    ("huggingface", "pipeline", "image-generation"): lambda: answer(PICTURE, "image/png"),
}


def answer_to(kind: str, offer: Offer) -> HttpResponse:
    """What the service answers; containers of the team's own answer in the task's shape, Vertex's within predictions."""
    told = OTHER_ANSWERS.get((kind, offer.name, offer.task)) or ANSWERS.get((kind, offer.name))
    if told is not None:
        return told()
    done = DONE[offer.task]
    return answer({"predictions": [done]} if offer.name == "vertex-endpoint" else done)


def offers(kind: str) -> tuple[Offer, ...]:
    return import_module(f"headworks.targets.providers.{kind}.offers").OFFERS


def ask_for(offer: Offer) -> Ask:
    if offer.task != "moderation":
        return ASKS[offer.task]
    if offer.name.startswith(("rekognition", "vision")):
        given: Any = [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64encode(PICTURE).decode()}"}}
        ]
    else:
        given = "a"
    return Ask(json.dumps({"input": given}).encode())


EVERY = [(kind, offer) for kind in KINDS for offer in offers(kind)]
