import json

import pytest

from headworks.costs import Usage
from headworks.errors import ProviderRefused
from headworks.targets.providers.aws.translate import TranslateText
from headworks.targets.providers.proof import prove_reply, prove_request
from tests.unit.targets.providers.asks import document, text
from tests.unit.targets.providers.vendor_aws import reply, request_of, same_request


def test_the_request_is_what_the_vendors_sdk_sends():
    theirs = {"Text": "Grüße", "SourceLanguageCode": "auto", "TargetLanguageCode": "en"}

    assert same_request(
        prove_request(TranslateText(), text("Grüße", tgt_lang="en")), request_of("translate", "TranslateText", theirs)
    )


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("pt-PT", "pt-PT"),
        ("pt-BR", "pt"),
        ("zh-Hant-TW", "zh-TW"),
        ("zh-Hans", "zh"),
        ("fr-CA", "fr-CA"),
        ("nb", "no"),
        ("EN-us", "en"),
    ],
)
def test_a_language_tag_becomes_the_services_code(tag, code):
    sent = json.loads(TranslateText(target=tag).request(text("a", src_lang=tag)).body)

    assert (sent["SourceLanguageCode"], sent["TargetLanguageCode"]) == (code, code)


def test_without_a_language_to_translate_into_nothing_is_sent():
    with pytest.raises(ProviderRefused) as caught:
        TranslateText().request(text("a"))

    assert caught.value.errors[0].pointer == "/parameters/tgt_lang"


def test_the_translation_is_the_reply():
    told = {"TranslatedText": "greetings 🎈", "SourceLanguageCode": "de", "TargetLanguageCode": "en"}
    answer = prove_reply(TranslateText(target="en"), text("Grüße 🎈"), reply("translate", "TranslateText", told))

    assert document(answer, "translation") == {"translation_text": "greetings 🎈"}
    assert answer.usage == Usage(characters=7)
