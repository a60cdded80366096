import pytest

from headworks.errors import ConfigurationRefused
from headworks.secret import Secret
from headworks.targets.providers.aws import KIND
from headworks.targets.providers.aws.offers import OFFERS
from headworks.targets.providers.aws.signing import Signature
from headworks.targets.providers.wire import Origin, ProviderSettings

KEY = Secret("AKIDEXAMPLE:secret")


def settings(**fields):
    options = {"region": "eu-west-1"} | fields.pop("options", {})
    return ProviderSettings("cloud", "aws", keys=fields.pop("keys", (KEY,)), options=options, **fields)


@pytest.mark.parametrize(
    ("reference", "tasks"),
    [
        ("comprehend:sentiment", ("text-classification",)),
        ("comprehend:sentiment/de", ("text-classification",)),
        ("comprehend:language", ("text-classification",)),
        ("comprehend:pii", ("token-classification",)),
        ("comprehend:language/de", ()),
        ("comprehend", ()),
        ("", ()),
        ("comprehend:sentiment/", ()),
    ],
)
def test_a_reference_names_the_tasks_it_serves(reference, tasks):
    assert KIND.tasks(reference) == tasks


def test_an_operation_goes_to_its_services_host_in_the_region():
    bound = KIND.bind(settings(), "comprehend:sentiment", "text-classification")

    assert bound.origin == Origin("https", "comprehend.eu-west-1.amazonaws.com", 443)
    assert repr(bound.credentials[0]) == "Signature(comprehend, eu-west-1)"


def test_regions_of_china_have_their_own_domain():
    bound = KIND.bind(settings(options={"region": "cn-north-1"}), "comprehend:sentiment", "text-classification")

    assert bound.origin.host == "comprehend.cn-north-1.amazonaws.com.cn"


def test_a_base_url_replaces_the_host():
    bound = KIND.bind(settings(base_url="http://127.0.0.1:5005/x/"), "comprehend:pii", "token-classification")

    assert bound.origin == Origin("http", "127.0.0.1", 5005, "/x")


def test_the_language_is_the_references_then_the_providers_then_english():
    def language(reference, **options):
        return KIND.bind(settings(options=options), reference, "text-classification").operation.language

    assert language("comprehend:sentiment/de", language="fr") == "de"
    assert language("comprehend:sentiment", language="fr") == "fr"
    assert language("comprehend:sentiment") == "en"


def test_a_reference_that_cannot_serve_the_task_is_refused_with_what_can():
    with pytest.raises(ConfigurationRefused) as caught:
        KIND.bind(settings(), "comprehend:pii", "text-classification")

    assert "cloud/comprehend:sentiment[/LANGUAGE]" in str(caught.value)


def test_a_task_that_nothing_serves_is_refused_with_the_tasks_there_are():
    with pytest.raises(ConfigurationRefused, match="text-classification, token-classification"):
        KIND.bind(settings(), "comprehend:pii", "telepathy")


@pytest.mark.parametrize("options", [{"region": None}, {"region": ""}, {"region": "eu.evil/"}, {"regoin": "x"}])
def test_a_wrong_option_is_refused(options):
    with pytest.raises(ConfigurationRefused):
        KIND.bind(settings(options=options), "comprehend:sentiment", "text-classification")


@pytest.mark.parametrize("url", ["ftp://a", "nonsense", "https://user:pw@a/", "https://a/?key=1", "http://a:99999"])
def test_a_base_url_with_more_than_a_place_is_refused_without_showing_it(url):
    with pytest.raises(ConfigurationRefused) as caught:
        KIND.bind(settings(base_url=url), "comprehend:sentiment", "text-classification")

    assert "user:pw" not in str(caught.value)


def test_without_keys_the_vendors_chain_is_used():
    credential = KIND.bind(settings(keys=()), "comprehend:sentiment", "text-classification").credentials[0]

    assert isinstance(credential, Signature)
    assert not credential.is_fresh(0)


def test_an_api_key_is_for_bedrock_only():
    with pytest.raises(ConfigurationRefused):
        KIND.bind(settings(keys=(Secret("ABSK"),)), "comprehend:sentiment", "text-classification")
    both = KIND.bind(settings(keys=(Secret("ABSK"), KEY)), "comprehend:sentiment", "text-classification").credentials

    assert [type(one) for one in both] == [Signature]


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.name)
def test_everything_offered_can_be_bound(offer):
    reference = offer.name + ("" if offer.own.startswith("[") or not offer.own else ":a")
    options = {"columns": ["a"], "labels": ["no", "yes"]}
    bound = KIND.bind(settings(options=options), reference, offer.task)

    assert bound.operation.task == offer.task
    assert bound.operation.model.startswith(offer.name) or offer.own.startswith(":")
    assert offer.task in KIND.tasks(reference)
