import pytest

from headworks.errors import ConfigurationRefused
from headworks.secret import Secret
from headworks.targets.providers.huggingface import KIND
from headworks.targets.providers.proof import prove_credential
from headworks.targets.providers.wire import Ask, Origin, ProviderSettings

HUB = ProviderSettings("hub", "huggingface", keys=(Secret("hf_secret"),))
OWN = ProviderSettings("own", "huggingface", base_url="http://127.0.0.1:8080/x")
HELLO = Ask(b'{"messages":[{"role":"user","content":"hello"}]}')


def test_a_model_of_the_hub_serves_every_pipeline_and_chat():
    assert set(KIND.tasks("org/model")) == {
        "chat",
        "text-classification",
        "token-classification",
        "translation",
        "summarization",
        "image-classification",
        "object-detection",
        "embeddings",
        "speech-to-text",
        "image-generation",
    }
    assert KIND.tasks("") == ()


def test_the_teams_own_servers_serve_what_they_can():
    assert set(KIND.tasks("tei")) == {"text-classification", "rerank", "embeddings"}
    assert set(KIND.tasks("tgi")) == {"generate", "chat"}
    assert "chat" not in KIND.tasks("pipeline")


def test_a_models_pipeline_is_asked_on_the_router():
    bound = KIND.bind(HUB, "org/model", "text-classification")

    assert bound.origin == Origin("https", "router.huggingface.co", 443)
    assert bound.operation.path == "/hf-inference/models/org/model"
    assert bound.operation.model == "org/model"
    prove_credential(bound.credentials[0], Secret("hf_secret"), bound.origin)


def test_chat_goes_through_the_routers_own_dialect():
    bound = KIND.bind(HUB, "org/model:fast-provider", "chat")
    request = bound.operation.request(HELLO)

    assert request.path == "/v1/chat/completions"
    assert b'"model":"org/model:fast-provider"' in request.body


@pytest.mark.parametrize(("reference", "task"), [("pipeline", "translation"), ("tei", "rerank"), ("tgi", "generate")])
def test_a_server_of_the_teams_own_is_where_base_url_says(reference, task):
    assert KIND.bind(OWN, reference, task).origin == Origin("http", "127.0.0.1", 8080, "/x")
    with pytest.raises(ConfigurationRefused, match="refused"):
        KIND.bind(HUB, reference, task)


def test_the_router_needs_a_key():
    with pytest.raises(ConfigurationRefused):
        KIND.bind(ProviderSettings("hub", "huggingface"), "org/model", "translation")


def test_labels_are_renamed_by_the_settings():
    settings = ProviderSettings("hub", "huggingface", keys=HUB.keys, options={"labels": {"LABEL_0": "negative"}})

    assert KIND.bind(settings, "org/model", "text-classification").operation.labels == {"LABEL_0": "negative"}


@pytest.mark.parametrize("options", [{"labels": ["a"]}, {"label": {}}])
def test_a_wrong_option_is_refused(options):
    with pytest.raises(ConfigurationRefused):
        KIND.bind(ProviderSettings("hub", "huggingface", keys=HUB.keys, options=options), "org/model", "translation")


def test_a_reference_that_cannot_serve_the_task_is_refused_with_what_can():
    with pytest.raises(ConfigurationRefused, match="does not serve 'rerank'"):
        KIND.bind(HUB, "org/model", "rerank")
