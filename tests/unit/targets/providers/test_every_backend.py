"""Whoever serves a task, the reply has one shape: every operation the cloud kinds offer, each with an answer of its service."""

import json
import subprocess
import sys
from base64 import b64encode
from importlib import import_module
from typing import Any

import pytest
from google.cloud import language_v2 as language
from google.cloud import translate_v3 as translate
from google.cloud import vision_v1 as vision
from hypothesis import given, settings
from hypothesis import strategies as st

from headworks.contract import tasks
from headworks.contract.schema import Schema
from headworks.errors import HeadworksError
from headworks.secret import Secret
from headworks.targets.providers.kinds import bound
from headworks.targets.providers.offers import Offer
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse, ProviderSettings
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers import vendor_aws, vendor_google
from tests.unit.targets.providers.asks import document, picture, text
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
    "object-detection": picture(PICTURE),
    "ocr": picture(PICTURE),
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
    "moderation": {"id": "", "model": "m", "results": [{"flagged": False, "categories": {}, "category_scores": {}}]},
    "object-detection": [{**LABEL, "box": {"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}}],
    "ocr": [
        {"text": "a", "score": 0.5, "box": {"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}, "polygon": [{"x": 0, "y": 0}]}
    ],
    "recommendation": [{"item": "b", "title": None, "score": 1.5}],
    "rerank": [{"index": 0, "score": 0.5}],
    "summarization": {"summary_text": "x"},
    "tabular-classification": {"label": "no", "score": 0.75, "probabilities": {"no": 0.75, "yes": 0.25}},
    "tabular-regression": {"prediction": 2.5},
    "text-classification": [LABEL],
    "token-classification": [
        {"entity_group": "LOCATION", "score": 0.5, "word": WORD, "start": AT, "end": AT + len(WORD)}
    ],
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
    ("aws", "sagemaker", "chat"): lambda: first("/chat/completions", host="api.openai.com"),
    ("aws", "sagemaker-csv", "tabular-regression"): lambda: answer(b"2.5\n", "text/csv"),
    ("aws", "sagemaker-csv", "tabular-classification"): lambda: answer(b"0.25\n", "text/csv"),
    ("google", "vertex", "embeddings"): lambda: answer({"predictions": [{"embeddings": {"values": [1.0]}}]}),
    ("huggingface", "", "chat"): lambda: first("/chat/completions", host="api.openai.com"),
    ("huggingface", "tgi", "chat"): lambda: first("/chat/completions", host="api.openai.com"),
    ("huggingface", "tei", "embeddings"): lambda: answer([[1.0]]),
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


@pytest.mark.parametrize(("kind", "offer"), EVERY, ids=[f"{kind}/{one.reference}-{one.task}" for kind, one in EVERY])
def test_every_backend_of_a_task_answers_in_its_shape(kind, offer):
    own = {"[": "", ":": ":a", "M": "org/model"}.get(offer.own[:1], "")
    operation = bound(KINDS, f"{kind}/{offer.name}{own}", offer.task).operation
    ask = ask_for(offer)
    assert Schema(tasks.schemas(offer.task)[0]).errors(json.loads(ask.document) | _picture_text(ask)) == ()

    prove_request(operation, ask)
    found = document(prove_reply(operation, ask, answer_to(kind, offer)), offer.task)
    assert found
    if offer.task == "token-classification":
        assert (found[0]["word"], found[0]["start"]) == (WORD, AT)
    if offer.name.endswith(":sentiment"):
        assert {one["label"] for one in found} == {"positive", "negative", "neutral", "mixed"}


def _picture_text(ask: Ask) -> dict[str, str]:
    return {"inputs": "aGk="} if ask.blobs else {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def changed(value: Any, path: tuple, to: Any) -> Any:
    """The document with something else at one place."""
    if not path:
        return to
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], to)
    return copy


@settings(max_examples=400, deadline=None)
@given(which=st.sampled_from(EVERY), data=st.data())
def test_an_answer_that_is_wrong_anywhere_is_understood_or_refused_never_a_crash(which, data):
    kind, offer = which
    own = {"[": "", ":": ":a", "M": "org/model"}.get(offer.own[:1], "")
    operation = bound(KINDS, f"{kind}/{offer.name}{own}", offer.task).operation
    whole = answer_to(kind, offer)
    try:
        document = json.loads(whole.body)
    except ValueError:
        document = None
    at = data.draw(st.sampled_from(places(document)))
    body = json.dumps(changed(document, at, data.draw(JSON))).encode()
    response = HttpResponse(data.draw(st.sampled_from([200, 400, 429, 503])), whole.headers, body)
    told = None
    try:
        operation.reply(ask_for(offer), response) if response.status == 200 else None
    except HeadworksError as error:
        told = error

    for error in (told, operation.failure(response)):
        assert error is None or error.detail == error.title


def test_no_vendors_library_is_loaded_before_it_is_configured():
    program = (
        "import sys; from headworks.targets.providers.kinds import BUILT_IN, kind_of\n"
        "for name in ('aws', 'google', 'http', 'huggingface'): kind_of(name).tasks('x')\n"
        "print([name for name in ('botocore', 'google.auth', 'jmespath', 'requests', 'grpc') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert told.stdout.strip() == "[]"
