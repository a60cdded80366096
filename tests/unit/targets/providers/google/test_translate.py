import json

import pytest
from google.cloud import translate_v3 as vendor

from headworks.costs import Usage
from headworks.errors import ProviderBroken, ProviderRefused
from headworks.targets.providers.google.translate_v2 import TranslateBasic
from headworks.targets.providers.google.translate_v3 import TranslateAdvanced
from headworks.targets.providers.proof import prove_reply, prove_request
from headworks.targets.providers.wire import HttpResponse
from tests.unit.targets.providers.asks import document, text
from tests.unit.targets.providers.vendor_google import reply, same_request

PARENT = "projects/team-1/locations/global"


def basic(*texts):
    translations = [{"translatedText": text, "detectedSourceLanguage": "de"} for text in texts]
    return HttpResponse(200, {}, json.dumps({"data": {"translations": translations}}).encode())


def test_basic_asks_for_plain_text():
    sent = prove_request(TranslateBasic(), text("Grüße & Küsse", src_lang="de", tgt_lang="pt-BR"))

    assert (sent.method, sent.path) == ("POST", "/language/translate/v2")
    assert json.loads(sent.body) == {"q": "Grüße & Küsse", "source": "de", "target": "pt-BR", "format": "text"}


def test_advanced_sends_the_vendors_message():
    message = vendor.TranslateTextRequest(
        contents=["Grüße"], mime_type="text/plain", source_language_code="de", target_language_code="en"
    )
    sent = prove_request(TranslateAdvanced(parent=PARENT, target="en"), text("Grüße", src_lang="de"))

    assert same_request(sent, f"/v3/{PARENT}:translateText", message)


@pytest.mark.parametrize("operation", [TranslateBasic(), TranslateAdvanced(parent=PARENT)])
def test_without_a_language_to_translate_into_nothing_is_sent(operation):
    with pytest.raises(ProviderRefused) as caught:
        prove_request(operation, text("Grüße"))

    assert [error.pointer for error in caught.value.errors] == ["/parameters/tgt_lang"]


def test_the_callers_language_wins_over_the_configured_one():
    sent = prove_request(TranslateBasic(target="fr"), text("a", tgt_lang="en"))

    assert json.loads(sent.body)["target"] == "en"


def test_the_translation_is_the_reply():
    told = vendor.TranslateTextResponse(translations=[vendor.Translation(translated_text="love & kisses")])
    answers = [
        prove_reply(TranslateBasic(), text("Grüße 🎈"), basic("love & kisses")),
        prove_reply(TranslateAdvanced(parent=PARENT), text("Grüße 🎈"), reply(told)),
    ]

    assert [document(answer, "translation") for answer in answers] == [{"translation_text": "love & kisses"}] * 2
    assert [answer.usage for answer in answers] == [Usage(characters=7)] * 2


def test_two_translations_of_one_text_are_a_broken_answer():
    with pytest.raises(ProviderBroken):
        prove_reply(TranslateBasic(), text("a"), basic("b", "c"))


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("en-US", "en"),
        ("pt-BR", "pt-BR"),
        ("zh-Hant-TW", "zh-TW"),
        ("zh-Hans", "zh-CN"),
        ("zh", "zh-CN"),
        ("nb", "no"),
        ("ceb", "ceb"),
    ],
)
def test_a_language_tag_becomes_the_services_code(tag, code):
    asked = text("a", src_lang=tag, tgt_lang=tag)
    old = json.loads(TranslateBasic().request(asked).body)
    new = json.loads(TranslateAdvanced(parent=PARENT).request(asked).body)

    assert (old["source"], old["target"]) == (code, code)
    assert (new["sourceLanguageCode"], new["targetLanguageCode"]) == (code, code)
