"""Vectors of Bedrock's models, by the documented forms; the call itself against the vendor's own serialiser."""

import json

import pytest

from headworks.errors import ProviderBroken, ProviderBusy, ProviderUnable
from headworks.targets.providers.aws.bedrock_embeddings import COUNTED, CohereOnBedrock, TitanEmbeddings
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse
from tests.unit.targets.providers.asks import document
from tests.unit.targets.providers.vendor_aws import refusal, request_of, same_request

TITAN = TitanEmbeddings(model="amazon.titan-embed-text-v2:0")
COHERE = CohereOnBedrock(model="cohere.embed-multilingual-v3")


def ask(*texts, **more):
    return Ask(json.dumps({"input": list(texts), **more}).encode())


def told(body):
    return HttpResponse(200, {COUNTED: "7"}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("operation", "asked", "body"),
    [
        (TITAN, ask("Łódź", dimensions=256), {"inputText": "Łódź", "dimensions": 256}),
        (
            COHERE,
            ask("a", "b", input_type="search_query", dimensions=512),
            {
                "texts": ["a", "b"],
                "input_type": "search_query",
                "embedding_types": ["float"],
                "truncate": "NONE",
                "output_dimension": 512,
            },
        ),
    ],
)
def test_a_call_is_the_vendors_own(operation, asked, body):
    params = {"modelId": operation.model, "body": json.dumps(body), "contentType": "application/json"}
    theirs = request_of("bedrock-runtime", "InvokeModel", {**params, "accept": "application/json"}, "rest-json")

    assert same_request(prove_request(operation, asked), theirs)


def test_a_vector_comes_back_with_the_tokens_that_were_read():
    answer = prove_reply(TITAN, ask("a"), told({"embedding": [0.5, 1.0], "inputTextTokenCount": 7}))

    assert document(answer, "embeddings")["data"][0]["embedding"] == [0.5, 1.0]
    assert answer.usage.input_tokens == 7


@pytest.mark.parametrize("vectors", [{"float": [[0.5], [1.0]]}, [[0.5], [1.0]]])
def test_several_vectors_come_back_in_either_form(vectors):
    answer = prove_reply(COHERE, ask("a", "b"), told({"embeddings": vectors}))

    assert [row["embedding"] for row in document(answer, "embeddings")["data"]] == [[0.5], [1.0]]
    with pytest.raises(ProviderBroken):
        COHERE.reply(ask("a"), told({"embeddings": vectors}))


@pytest.mark.parametrize(
    ("operation", "asked"),
    [(TITAN, ask("a", "b")), (COHERE, ask(*"a" * 97)), (COHERE, ask("a", input_type="poem")), (COHERE, ask([1]))],
)
def test_what_a_model_does_not_take_is_refused(operation, asked):
    with pytest.raises(ProviderUnable):
        operation.request(asked)


def test_a_refusal_has_its_class():
    prove_failure(TITAN, refusal("ThrottlingException", 429), ProviderBusy)
