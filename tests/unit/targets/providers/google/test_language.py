import pytest
from google.cloud import language_v2 as vendor

from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.google.language_categories import Categories
from headworks.targets.providers.google.language_entities import AnalyzeEntities
from headworks.targets.providers.google.language_sentiment import AnalyzeSentiment
from headworks.targets.providers.labels import ENTITY_GROUPS
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import HttpResponse
from tests.unit.targets.providers.asks import document, text
from tests.unit.targets.providers.vendor_google import reply, same_request

ODD = "👩‍🚀 Zoë écrit à Łódź 🎈 à ada@example.org"
PLAIN = vendor.Document.Type.PLAIN_TEXT
CODE_POINTS = vendor.EncodingType.UTF32


@pytest.mark.parametrize(
    ("operation", "path", "kind", "fields"),
    [
        (AnalyzeSentiment(), "analyzeSentiment", vendor.AnalyzeSentimentRequest, {"encoding_type": CODE_POINTS}),
        (AnalyzeEntities(), "analyzeEntities", vendor.AnalyzeEntitiesRequest, {"encoding_type": CODE_POINTS}),
        (Categories(), "classifyText", vendor.ClassifyTextRequest, {}),
        (Categories(method="moderateText"), "moderateText", vendor.ModerateTextRequest, {}),
    ],
)
def test_the_request_is_the_vendors_message(operation, path, kind, fields):
    message = kind(document=vendor.Document(type_=PLAIN, content=ODD), **fields)

    assert same_request(prove_request(operation, text(ODD)), f"/v2/documents:{path}", message)


def test_sentiment_has_the_labels_that_aws_has():
    told = vendor.AnalyzeSentimentResponse(
        document_sentiment=vendor.Sentiment(score=-0.25, magnitude=1.25),
        sentences=[vendor.Sentence(text=vendor.TextSpan(content="a")), vendor.Sentence()],
    )
    answer = prove_reply(AnalyzeSentiment(), text(ODD), reply(told))

    found = {one["label"]: round(one["score"], 6) for one in document(answer, "text-classification")}
    assert found == {"negative": 0.5, "mixed": 0.25, "neutral": 0.25, "positive": 0.0}
    assert answer.usage == Usage(characters=1000)


def test_a_tone_of_zero_is_left_out_on_the_wire_and_is_neutral():
    answer = prove_reply(AnalyzeSentiment(), text("a"), reply(vendor.AnalyzeSentimentResponse(document_sentiment={})))

    assert document(answer, "text-classification")[0] == {"label": "neutral", "score": 1.0}


@pytest.mark.parametrize("word", ["👩‍🚀", "Zoë", "Łódź", "ada@example.org"])
def test_an_entity_stands_at_its_code_points(word):
    start = ODD.index(word)
    mention = vendor.EntityMention(text=vendor.TextSpan(content=word, begin_offset=start), probability=0.5)
    entity = vendor.Entity(name=word, type_=vendor.Entity.Type.WORK_OF_ART, mentions=[mention])
    answer = prove_reply(AnalyzeEntities(), text(ODD), reply(vendor.AnalyzeEntitiesResponse(entities=[entity])))

    assert document(answer, "token-classification") == [
        {"entity_group": "WORK", "score": 0.5, "word": word, "start": start, "end": start + len(word)}
    ]


@pytest.mark.parametrize("begin", [-1, 1, 500])
def test_an_entity_that_does_not_stand_there_is_a_broken_answer(begin):
    mention = vendor.EntityMention(text=vendor.TextSpan(content="Zoë", begin_offset=begin))
    told = vendor.AnalyzeEntitiesResponse(entities=[vendor.Entity(mentions=[mention])])

    with pytest.raises(ProviderBroken):
        prove_reply(AnalyzeEntities(), text(ODD), reply(told))


def test_every_kind_of_entity_the_vendor_knows_has_a_group():
    kinds = set(vendor.Entity.Type.__members__) - {"UNKNOWN"}

    assert kinds - ENTITY_GROUPS.keys() == set()


def test_categories_are_labels():
    told = vendor.ModerateTextResponse(
        moderation_categories=[
            vendor.ClassificationCategory(name="Insult", confidence=0.25),
            vendor.ClassificationCategory(name="Toxic", confidence=0.5),
            vendor.ClassificationCategory(name="Politics"),
        ]
    )
    answer = prove_reply(Categories(method="moderateText", unit=100), text("a" * 101, top_k=2), reply(told))

    assert document(answer, "text-classification") == [
        {"label": "Toxic", "score": 0.5},
        {"label": "Insult", "score": 0.25},
    ]
    assert answer.usage == Usage(characters=200)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"entities": 1}', b"\xff"])
def test_what_cannot_be_understood_is_a_broken_answer(body):
    with pytest.raises(ProviderBroken):
        prove_reply(AnalyzeEntities(), text("abc"), HttpResponse(200, {}, body))
