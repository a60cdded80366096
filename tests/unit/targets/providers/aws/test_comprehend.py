import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.costs import Usage
from headworks.errors import ProviderBroken
from headworks.targets.providers.aws.comprehend_entities import DetectEntities
from headworks.targets.providers.aws.comprehend_language import DetectDominantLanguage
from headworks.targets.providers.aws.comprehend_sentiment import DetectSentiment
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import HttpResponse
from tests.unit.targets.providers.asks import document, text
from tests.unit.targets.providers.vendor_aws import reply, request_of, same_request

SENTIMENT = {
    "Sentiment": "NEUTRAL",
    "SentimentScore": {"Positive": 0.25, "Negative": 0.125, "Neutral": 0.5, "Mixed": 0.125},
}
ODD = "👩‍🚀 Zoë écrit à Łódź 🎈 à ada@example.org"
WORDS = ["Zoë", "Łódź", "ada@example.org", "👩‍🚀"]


@pytest.mark.parametrize(
    ("operation", "name", "params"),
    [
        (DetectSentiment(language="de"), "DetectSentiment", {"Text": "Grüße 🎈", "LanguageCode": "de"}),
        (DetectDominantLanguage(), "DetectDominantLanguage", {"Text": "Grüße 🎈"}),
        (DetectEntities(), "DetectEntities", {"Text": "Grüße 🎈", "LanguageCode": "en"}),
        (DetectEntities(pii=True), "DetectPiiEntities", {"Text": "Grüße 🎈", "LanguageCode": "en"}),
    ],
)
def test_the_request_is_what_the_vendors_sdk_sends(operation, name, params):
    assert same_request(prove_request(operation, text("Grüße 🎈")), request_of("comprehend", name, params))


def test_sentiment_is_four_labels_best_first():
    answer = prove_reply(DetectSentiment(), text("so so"), reply("comprehend", "DetectSentiment", SENTIMENT))

    assert document(answer, "text-classification") == [
        {"label": "neutral", "score": 0.5},
        {"label": "positive", "score": 0.25},
        {"label": "mixed", "score": 0.125},
        {"label": "negative", "score": 0.125},
    ]


def test_as_many_labels_as_were_asked_for():
    answer = prove_reply(DetectSentiment(), text("so so", top_k=1), reply("comprehend", "DetectSentiment", SENTIMENT))

    assert document(answer, "text-classification") == [{"label": "neutral", "score": 0.5}]


@pytest.mark.parametrize(("length", "billed"), [(1, 300), (300, 300), (301, 400), (1000, 1000)])
def test_characters_are_counted_as_they_are_billed(length, billed):
    answer = prove_reply(DetectSentiment(), text("🎈" * length), reply("comprehend", "DetectSentiment", SENTIMENT))

    assert answer.usage == Usage(characters=billed)


def test_languages_are_labels():
    told = {"Languages": [{"LanguageCode": "zh-TW", "Score": 0.5}, {"LanguageCode": "en", "Score": 0.25}]}
    answer = prove_reply(DetectDominantLanguage(), text("x"), reply("comprehend", "DetectDominantLanguage", told))

    assert document(answer, "text-classification") == [
        {"label": "zh-TW", "score": 0.5},
        {"label": "en", "score": 0.25},
    ]


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_cut_at_code_points_also_behind_emoji_and_combining_marks(word):
    start = ODD.index(word)
    entity = {"Type": "PERSON", "Score": 0.5, "BeginOffset": start, "EndOffset": start + len(word)}
    answer = prove_reply(
        DetectEntities(pii=True), text(ODD), reply("comprehend", "DetectPiiEntities", {"Entities": [entity]})
    )

    assert document(answer, "token-classification") == [
        {"entity_group": "PERSON", "score": 0.5, "word": word, "start": start, "end": start + len(word)}
    ]


def test_entities_carry_one_vocabulary_and_stand_in_reading_order():
    told = {
        "Entities": [
            {"Type": "COMMERCIAL_ITEM", "Score": 0.5, "Text": "b", "BeginOffset": 1, "EndOffset": 2},
            {"Type": "TITLE", "Score": 0.75, "Text": "a", "BeginOffset": 0, "EndOffset": 1},
            {"Type": "OWN_KIND", "Score": 0.25, "Text": "c", "BeginOffset": 2, "EndOffset": 3},
        ]
    }
    answer = prove_reply(DetectEntities(), text("abc", threshold=0.3), reply("comprehend", "DetectEntities", told))

    assert [(one["entity_group"], one["word"]) for one in document(answer, "token-classification")] == [
        ("WORK", "a"),
        ("PRODUCT", "b"),
    ]


def test_a_group_can_be_left_out():
    told = {"Entities": [{"Type": "DATE", "Score": 0.5, "Text": "a", "BeginOffset": 0, "EndOffset": 1}]}
    answer = prove_reply(
        DetectEntities(), text("abc", ignore_labels=["DATE"]), reply("comprehend", "DetectEntities", told)
    )

    assert document(answer, "token-classification") == []


@pytest.mark.parametrize("place", [(-1, 2), (0, 4), (2, 1)])
def test_an_entity_outside_the_text_is_a_broken_answer(place):
    told = {"Entities": [{"Type": "DATE", "Score": 0.5, "BeginOffset": place[0], "EndOffset": place[1]}]}

    with pytest.raises(ProviderBroken):
        prove_reply(DetectEntities(), text("abc"), reply("comprehend", "DetectEntities", told))


@given(body=st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b'{"SentimentScore":{"Positive":"a"}}']))
def test_what_cannot_be_understood_is_a_broken_answer(body):
    for operation in (DetectSentiment(), DetectEntities()):
        with pytest.raises(ProviderBroken) as caught:
            prove_reply(operation, text("abc"), HttpResponse(200, {}, body))

        assert json.dumps(str(caught.value)) == '"Provider\'s answer is not whole"'
