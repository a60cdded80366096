import json
from base64 import b64encode

import pytest
from google.cloud import language_v2 as language
from google.cloud import vision_v1 as vision

from headworks.costs import Usage
from headworks.errors import ProviderBroken, ProviderRefused
from headworks.targets.providers.aws.moderation import DetectToxicContent, JudgePicture
from headworks.targets.providers.google.moderation import TOPICS, ModeratePicture, ModerateText
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import Ask
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers import vendor_aws, vendor_google
from tests.unit.targets.providers.asks import document

PICTURE = png(4, 4)


def asked(given):
    return Ask(json.dumps({"input": given}).encode())


def shown(data):
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{b64encode(data).decode()}"}}


def test_texts_are_sent_to_comprehend_as_the_vendors_sdk_sends_them():
    sent = prove_request(DetectToxicContent(), asked(["one", "two"]))
    params = {"TextSegments": [{"Text": "one"}, {"Text": "two"}], "LanguageCode": "en"}

    assert vendor_aws.same_request(sent, vendor_aws.request_of("comprehend", "DetectToxicContent", params))


def test_each_text_has_its_verdict():
    told = {
        "ResultList": [
            {"Labels": [{"Name": "INSULT", "Score": 0.75}, {"Name": "SEXUAL", "Score": 0.25}], "Toxicity": 0.75},
            {"Labels": [{"Name": "INSULT", "Score": 0.25}, {"Name": "SEXUAL", "Score": 0.25}], "Toxicity": 0.25},
        ]
    }
    response = vendor_aws.reply("comprehend", "DetectToxicContent", told)
    answer = prove_reply(DetectToxicContent(), asked(["one", "two"]), response)

    found = document(answer, "moderation")["results"]
    assert [one["flagged"] for one in found] == [True, False]
    assert found[0]["categories"] == {"INSULT": True, "SEXUAL": False}
    assert answer.usage == Usage(characters=300)
    with pytest.raises(ProviderBroken):
        DetectToxicContent().reply(asked("one"), response)


def test_a_picture_is_judged_by_rekognition():
    sent = prove_request(JudgePicture(), asked([shown(PICTURE)]))
    told = {"ModerationLabels": [{"Name": "Weapons", "Confidence": 62.5}]}
    answer = prove_reply(
        JudgePicture(), asked([shown(PICTURE)]), vendor_aws.reply("rekognition", "DetectModerationLabels", told)
    )

    params = {"Image": {"Bytes": PICTURE}}
    assert vendor_aws.same_request(sent, vendor_aws.request_of("rekognition", "DetectModerationLabels", params))
    assert document(answer, "moderation")["results"] == [
        {"flagged": True, "categories": {"Weapons": True}, "category_scores": {"Weapons": 0.625}}
    ]


def test_a_clean_picture_is_not_flagged():
    response = vendor_aws.reply("rekognition", "DetectModerationLabels", {"ModerationLabels": []})

    assert not document(prove_reply(JudgePicture(), asked([shown(PICTURE)]), response), "moderation")["results"][0][
        "flagged"
    ]


def test_topics_are_told_and_flag_nothing():
    message = language.ModerateTextRequest(document=language.Document(type_="PLAIN_TEXT", content="about money"))
    assert vendor_google.same_request(
        prove_request(ModerateText(), asked("about money")), "/v2/documents:moderateText", message
    )
    told = language.ModerateTextResponse(
        moderation_categories=[{"name": "Finance", "confidence": 0.75}, {"name": "Toxic", "confidence": 0.25}]
    )
    answer = prove_reply(ModerateText(), asked("about money"), vendor_google.reply(told))

    found = document(answer, "moderation")["results"][0]
    assert "Finance" in TOPICS
    assert (found["flagged"], found["categories"]) == (False, {"Finance": True, "Toxic": False})


def test_a_picture_is_judged_by_vision():
    safe = vision.SafeSearchAnnotation(adult="VERY_UNLIKELY", medical="VERY_LIKELY", racy="LIKELY")
    told = vision.BatchAnnotateImagesResponse(responses=[{"safe_search_annotation": safe}])
    answer = prove_reply(ModeratePicture(), asked([shown(PICTURE)]), vendor_google.reply(told))

    found = document(answer, "moderation")["results"][0]
    assert found == {
        "flagged": True,
        "categories": {"adult": False, "medical": True, "racy": True},
        "category_scores": {"adult": 0.05, "medical": 0.95, "racy": 0.75},
    }
    assert prove_request(ModeratePicture(), asked([shown(PICTURE)])).path == "/v1/images:annotate"


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        (DetectToxicContent(), [shown(PICTURE)]),
        (DetectToxicContent(), ["a"] * 11),
        (ModerateText(), ["a", "b"]),
        (JudgePicture(), "a"),
        (JudgePicture(), [shown(PICTURE), shown(PICTURE)]),
        (ModeratePicture(), ["a"]),
    ],
)
def test_what_a_service_cannot_judge_is_refused(operation, given):
    with pytest.raises(ProviderRefused) as caught:
        operation.request(asked(given))

    assert caught.value.errors[0].pointer == "/input"
