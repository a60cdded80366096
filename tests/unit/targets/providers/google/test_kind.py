import pytest

from headworks.errors import ConfigurationRefused
from headworks.secret import Secret
from headworks.targets.providers.google import KIND
from headworks.targets.providers.google.offers import OFFERS
from headworks.targets.providers.google.tokens import AccessToken
from headworks.targets.providers.key_header import KeyHeader
from headworks.targets.providers.proof import prove_credential
from headworks.targets.providers.wire import HttpRequest, Origin, ProviderSettings


def settings(**options):
    return ProviderSettings("cloud", "google", keys=(Secret("AIza1"), Secret("AIza2")), options=options)


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.name)
def test_everything_offered_can_be_bound(offer):
    reference = offer.name + (":a" if offer.own.startswith(":") else "")
    bound = KIND.bind(settings(project="team-1"), reference, offer.task)

    assert bound.operation.task == offer.task
    assert bound.operation.model in {offer.name, "a"}
    assert bound.origin.scheme == "https"
    assert offer.task in KIND.tasks(reference)


def test_every_service_has_its_host():
    assert KIND.bind(settings(), "vision:text", "ocr").origin == Origin("https", "vision.googleapis.com", 443)


def test_every_key_is_one_credential_and_without_keys_tokens_are_minted():
    keys = KIND.bind(settings(), "vision:text", "ocr").credentials
    tokens = KIND.bind(ProviderSettings("cloud", "google"), "vision:text", "ocr").credentials

    assert [type(one) for one in keys] == [KeyHeader, KeyHeader]
    assert [type(one) for one in tokens] == [AccessToken]


def test_a_service_that_takes_no_key_gets_a_token():
    credentials = KIND.bind(settings(project="team-1"), "translate-v3/fr", "translation").credentials

    assert [type(one) for one in credentials] == [AccessToken]


@pytest.mark.parametrize("options", [{}, {"project": "a/b"}, {"project": "a", "location": "../x"}, {"projct": "a"}])
def test_a_wrong_project_or_option_is_refused(options):
    with pytest.raises(ConfigurationRefused):
        KIND.bind(settings(**options), "translate-v3", "translation")


def test_a_reference_that_cannot_serve_the_task_is_refused_with_what_can():
    with pytest.raises(ConfigurationRefused, match="cloud/vision:objects, cloud/vision:faces"):
        KIND.bind(settings(), "vision:text", "object-detection")


def test_a_key_goes_into_its_header_and_never_into_the_url():
    bound = KIND.bind(settings(), "vision:text", "ocr")
    signed = bound.credentials[0].signed(HttpRequest("GET", "/", ()), bound.origin, 0)

    prove_credential(bound.credentials[0], Secret("AIza1"), bound.origin)
    assert signed.headers == (("x-goog-api-key", "AIza1"),)
