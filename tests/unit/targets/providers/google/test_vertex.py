import json

import pytest

from headworks.costs import Usage
from headworks.errors import ConfigurationRefused, ProviderBroken, ProviderBusy, ProviderKeyRejected
from headworks.secret import Secret
from headworks.targets.providers.google import KIND
from headworks.targets.providers.google.tokens import AccessToken
from headworks.targets.providers.google.vertex_embed import VertexEmbeddings
from headworks.targets.providers.google.vertex_predict import Predict
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse, Origin, ProviderSettings
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers.asks import document, picture, text
from tests.unit.targets.providers.recordings import recorded
from tests.unit.targets.providers.vendor_google import refusal

HELLO = Ask(b'{"messages":[{"role":"user","content":"hello"}]}')
STREAMED = Ask(HELLO.document, is_stream=True)
TEXTS = Ask(b'{"input": ["a", "b"], "dimensions": 2}')
EMBED = VertexEmbeddings(model="text-embedding-005")


def bind(reference, task, location="europe-west1", **more):
    options = {"project": "team-1", "location": location}
    return KIND.bind(ProviderSettings("cloud", "google", options=options, **more), reference, task)


def answer(document):
    return HttpResponse(200, {}, json.dumps(document).encode())


def whole_path(bound, ask):
    return bound.origin.path + bound.operation.request(ask).path


def test_a_model_stands_below_the_projects_location():
    bound = bind("vertex:gemini-2.5-flash", "chat")

    assert bound.origin.host == "europe-west1-aiplatform.googleapis.com"
    assert whole_path(bound, HELLO) == (
        "/v1/projects/team-1/locations/europe-west1/publishers/google/models/gemini-2.5-flash:generateContent"
    )


def test_recorded_calls_of_vertex_went_to_the_same_place():
    for exchange in recorded(":generateContent", host="aiplatform"):
        settings = {"project": "test-project", "location": "test-location"}
        bound = KIND.bind(ProviderSettings("cloud", "google", options=settings), "vertex:gemini-2.5-flash", "chat")

        assert whole_path(bound, HELLO).removeprefix("/v1/") == exchange.path.partition("/v1beta1/")[2]
        assert bound.origin.host == exchange.host
        prove_reply(bound.operation, HELLO, exchange.response)


def test_the_global_location_has_the_host_without_a_region():
    assert bind("vertex:gemini-2.5-flash", "chat", "global").origin == Origin(
        "https", "aiplatform.googleapis.com", 443, "/v1/projects/team-1/locations/global"
    )


def test_a_base_url_keeps_the_projects_path():
    bound = bind("vertex:gemini-2.5-flash", "chat", base_url="http://127.0.0.1:9000/x")

    assert bound.origin == Origin("http", "127.0.0.1", 9000, "/x/v1/projects/team-1/locations/europe-west1")


def test_anthropics_models_are_asked_in_their_own_words():
    bound = bind("vertex-anthropic:claude-sonnet-4-5@20250929", "chat")
    sent = prove_request(bound.operation, STREAMED)

    assert sent.path == "/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"
    assert json.loads(sent.body)["anthropic_version"] == "vertex-2023-10-16"
    prove_failure(bound.operation, refusal(429, "RESOURCE_EXHAUSTED"), ProviderBusy)
    prove_failure(bound.operation, refusal(403, "PERMISSION_DENIED"), ProviderKeyRejected)


def test_open_models_are_asked_in_openais_dialect():
    bound = bind("vertex-open:meta/llama-4", "chat")
    sent = prove_request(bound.operation, HELLO)

    assert sent.path == "/endpoints/openapi/chat/completions"
    assert json.loads(sent.body)["model"] == "meta/llama-4"


@pytest.mark.parametrize("reference", ["vertex:gemini", "vertex-anthropic:claude", "vertex-open:a/b"])
def test_vertex_takes_tokens_not_keys(reference):
    credentials = bind(reference, "chat", keys=(Secret("AIza"),)).credentials

    assert [type(one) for one in credentials] == [AccessToken]


def test_texts_are_embedded_one_instance_each():
    sent = prove_request(EMBED, TEXTS)

    assert sent.path == "/publishers/google/models/text-embedding-005:predict"
    assert json.loads(sent.body) == {
        "instances": [{"content": "a"}, {"content": "b"}],
        "parameters": {"outputDimensionality": 2, "autoTruncate": False},
    }


def vectors(*values):
    return {
        "predictions": [
            {"embeddings": {"values": each, "statistics": {"token_count": 3, "truncated": False}}} for each in values
        ]
    }


def test_vectors_are_counted_in_tokens():
    answered = prove_reply(EMBED, TEXTS, answer(vectors([1.0, 0.0], [0.0, 1.0])))

    assert [one["embedding"] for one in document(answered, "embeddings")["data"]] == [[1.0, 0.0], [0.0, 1.0]]
    assert answered.usage == Usage(input_tokens=6)


def test_a_vector_too_few_is_a_broken_answer():
    with pytest.raises(ProviderBroken):
        EMBED.reply(TEXTS, answer(vectors([1.0, 0.0])))


def predict(task):
    return Predict(task=task, model="123")


def test_a_row_is_one_instance_and_the_prediction_the_reply():
    operation = predict("text-classification")
    sent = prove_request(operation, text("hi"))

    assert sent.path == "/endpoints/123:predict"
    assert json.loads(sent.body) == {"instances": [{"inputs": "hi"}]}
    assert document(
        prove_reply(operation, text("hi"), answer({"predictions": [[{"label": "a", "score": 0.5}]]})), operation.task
    ) == [{"label": "a", "score": 0.5}]


def test_a_picture_is_the_instances_input():
    sent = prove_request(predict("image-classification"), picture(png(2, 2), top_k=1))

    instance = json.loads(sent.body)["instances"][0]
    assert instance["inputs"].startswith("iVBORw0KGgo")
    assert instance["parameters"] == {"top_k": 1}


@pytest.mark.parametrize("told", [2.5, [2.5], {"value": 2.5, "lower_bound": 1, "upper_bound": 3}, {"prediction": 2.5}])
def test_a_number_is_the_prediction_in_every_form(told):
    answered = prove_reply(predict("tabular-regression"), Ask(b'{"a": 1}'), answer({"predictions": [told]}))

    assert document(answered, "tabular-regression") == {"prediction": 2.5}


def test_automls_classes_and_scores_are_chances():
    told = {"classes": ["no", "yes"], "scores": [0.25, 0.75]}
    answered = prove_reply(predict("tabular-classification"), Ask(b'{"a": 1}'), answer({"predictions": [told]}))

    assert document(answered, "tabular-classification") == {
        "label": "yes",
        "score": 0.75,
        "probabilities": {"no": 0.25, "yes": 0.75},
    }


@pytest.mark.parametrize(
    "told",
    [{"predictions": []}, {"predictions": [1, 2]}, {}, {"predictions": [{"classes": ["a"], "scores": [0.1, 0.2]}]}],
)
def test_what_is_not_one_prediction_is_a_broken_answer(told):
    with pytest.raises(ProviderBroken):
        predict("tabular-classification").reply(Ask(b'{"a": 1}'), answer(told))


@pytest.mark.parametrize("endpoint", ["../x", "a/b", "1?x"])
def test_an_endpoint_is_an_id(endpoint):
    with pytest.raises(ConfigurationRefused):
        bind(f"vertex-endpoint:{endpoint}", "tabular-regression")
