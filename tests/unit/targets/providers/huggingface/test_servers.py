import json

import pytest

from headworks.costs import Usage
from headworks.errors import (
    ContextTooLong,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
)
from headworks.targets.providers.huggingface.tei import Embed, Predict, Rerank
from headworks.targets.providers.huggingface.tgi import Generate
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.asks import document, text
from tests.unit.targets.providers.vendor_huggingface import called, reply

COUNTED = {"x-compute-tokens": "7", "x-compute-characters": "20"}
RANK = Ask(b'{"query": "q", "texts": ["a", "b", "c"], "top_n": 2, "return_text": true}')
EMBED = Ask(b'{"input": ["a", "b"], "dimensions": 2}')
GENERATE = Ask(
    b'{"inputs": "Once", "parameters": {"max_new_tokens": 9, "temperature": 0.5, "stop": ["END"], "seed": 7}}',
    output_cap=5,
)


def sent(operation, ask):
    request = prove_request(operation, ask)
    return request.path, json.loads(request.body)


def test_the_servers_are_asked_by_their_own_words():
    assert sent(Predict(), text("a")) == ("/predict", {"inputs": "a", "raw_scores": False, "truncate": False})
    assert sent(Rerank(), RANK) == (
        "/rerank",
        {"query": "q", "texts": ["a", "b", "c"], "raw_scores": False, "return_text": False, "truncate": False},
    )
    assert sent(Embed(), EMBED) == (
        "/embed",
        {"inputs": ["a", "b"], "normalize": True, "dimensions": 2, "truncate": False},
    )


def test_generating_is_asked_as_the_vendors_client_asks():
    headers, body, _ = called(
        {"generated_text": "x"},
        lambda hub, model: hub.text_generation(
            "Once", model=model, max_new_tokens=5, temperature=0.5, stop=["END"], seed=7, details=False
        ),
    )
    path, ours = sent(Generate(), GENERATE)

    theirs = json.loads(body)
    assert path == "/generate"
    assert ours["inputs"] == theirs["inputs"]
    assert ours["parameters"] == {name: value for name, value in theirs["parameters"].items() if value is not None} | {
        "details": True,
        "return_full_text": False,
    }


def test_predictions_are_labels():
    told = [{"score": 0.25, "label": "neutral"}, {"score": 0.75, "label": "NEGATIVE"}]
    answer = prove_reply(Predict(), text("a"), reply(told, **COUNTED))

    assert document(answer, "text-classification")[0] == {"label": "negative", "score": 0.75}
    assert answer.usage == Usage(input_tokens=7, characters=20)


def test_the_best_texts_come_first():
    told = [{"index": 1, "score": 0.5}, {"index": 0, "score": 0.25}, {"index": 2, "score": 0.75}]
    answer = prove_reply(Rerank(), RANK, reply(told))

    assert document(answer, "rerank") == [
        {"index": 2, "score": 0.75, "text": "c"},
        {"index": 1, "score": 0.5, "text": "b"},
    ]


@pytest.mark.parametrize("indexes", [[0, 1], [0, 1, 1], [0, 1, 3], []])
def test_ranks_that_are_not_one_a_text_are_a_broken_answer(indexes):
    with pytest.raises(ProviderBroken):
        Rerank().reply(RANK, reply([{"index": index, "score": 0.5} for index in indexes]))


def test_vectors_come_in_the_order_asked():
    answer = prove_reply(Embed(), EMBED, reply([[1.0, 0.0], [0.0, 1.0]], **COUNTED))

    told = document(answer, "embeddings")
    assert [one["embedding"] for one in told["data"]] == [[1.0, 0.0], [0.0, 1.0]]
    assert told["usage"]["prompt_tokens"] == 7


def test_a_vector_too_few_is_a_broken_answer():
    with pytest.raises(ProviderBroken):
        Embed().reply(EMBED, reply([[1.0, 0.0]]))


@pytest.mark.parametrize(("reason", "told"), [("length", "length"), ("eos_token", "eos_token"), ("new", None)])
def test_what_was_generated_says_why_it_ended(reason, told):
    details = {"finish_reason": reason, "generated_tokens": 5, "seed": 7, "prefill": [], "tokens": []}
    answer = prove_reply(Generate(), GENERATE, reply({"generated_text": "x", "details": details}))

    assert document(answer, "generate").get("finish_reason") == told
    assert answer.usage == Usage(output_tokens=5)


def refusal(status, **body):
    return HttpResponse(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (refusal(503, error="Model org/model is currently loading", estimated_time=20.5), ProviderBusy),
        (refusal(400, error=["unknown error", "inputs must be text"]), ProviderRefused),
        (refusal(401, error="Invalid credentials in Authorization header"), ProviderKeyRejected),
        (refusal(402, error="exceeded your monthly included credits"), ProviderKeyRejected),
        (refusal(404, error="Model not found"), ProviderDown),
        (refusal(413, error="batch size 40 > maximum allowed batch size 32", error_type="Validation"), ProviderRefused),
        (refusal(413, error="Payload too large"), ContextTooLong),
        (refusal(422, error="`inputs` must have less than 512 tokens", error_type="Validation"), ProviderRefused),
        (refusal(424, error="backend", error_type="Backend"), ProviderDown),
        (refusal(429, error="Model is overloaded", error_type="Overloaded"), ProviderBusy),
        (refusal(424, error="Request failed during generation", error_type="generation"), ProviderDown),
        (HttpResponse(502, {}, b"<html>"), ProviderDown),
    ],
)
def test_a_refusal_has_its_class(response, kind):
    prove_failure(Predict(), response, kind)


def test_a_model_that_is_loading_says_when_it_may_be_there():
    assert Predict().failure(refusal(503, error="loading", estimated_time=20.5)).retry_after_s == 20.5
    assert Predict().failure(refusal(503, error="down")).retry_after_s is None
