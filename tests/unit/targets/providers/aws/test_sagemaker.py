import json

import pytest

from headworks.errors import (
    ConfigurationRefused,
    ProviderBroken,
    ProviderBusy,
    ProviderDown,
    ProviderRefused,
)
from headworks.secret import Secret
from headworks.targets.providers.aws import KIND
from headworks.targets.providers.aws.sagemaker import Endpoint
from headworks.targets.providers.aws.sagemaker_chat import SageMakerChat
from headworks.targets.providers.aws.sagemaker_csv import CsvEndpoint
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request, prove_stream, read
from headworks.targets.providers.wire import Ask, HttpResponse, ProviderSettings
from tests.unit.dialects.pictures import png
from tests.unit.targets.providers.asks import document, picture, text
from tests.unit.targets.providers.aws.test_eventstream import event
from tests.unit.targets.providers.recordings import recorded
from tests.unit.targets.providers.vendor_aws import refusal, request_of

HELLO = Ask(b'{"messages":[{"role":"user","content":"hello"}]}')
STREAMED = Ask(HELLO.document, is_stream=True)
CHAT = SageMakerChat("team-llm")
ROW = Ask(b'{"age": 30, "city": "Cork, County", "member": true, "score": null}')
COLUMNS = ("city", "age", "score", "member")
REGRESSION = CsvEndpoint(task="tabular-regression", model="price", columns=COLUMNS)
CLASSES = CsvEndpoint(task="tabular-classification", model="churn", columns=COLUMNS, labels=("stays", "goes"))


def answer(body, media="application/json"):
    return HttpResponse(200, {"content-type": media}, body)


@pytest.mark.parametrize(
    ("operation", "ask", "params"),
    [
        (
            Endpoint(task="text-classification", model="team-bert"),
            text("hi"),
            {"EndpointName": "team-bert", "ContentType": "application/json", "Accept": "application/json"},
        ),
        (
            Endpoint(task="object-detection", model="team-detr"),
            picture(png(4, 4)),
            {"EndpointName": "team-detr", "ContentType": "image/png", "Accept": "application/json"},
        ),
        (REGRESSION, ROW, {"EndpointName": "price", "ContentType": "text/csv", "Accept": "text/csv"}),
    ],
)
def test_the_request_is_what_the_vendors_sdk_sends(operation, ask, params):
    sent = prove_request(operation, ask)
    theirs = request_of("sagemaker-runtime", "InvokeEndpoint", params | {"Body": sent.body}, "rest-json")

    assert (sent.method, sent.path) == (theirs["method"], theirs["url_path"])
    assert dict(sent.headers) == {name.lower(): value for name, value in theirs["headers"].items()}


def test_a_streamed_chat_goes_to_the_streaming_path():
    theirs = request_of(
        "sagemaker-runtime",
        "InvokeEndpointWithResponseStream",
        {"EndpointName": "team-llm", "ContentType": "application/json", "Body": b"{}"},
        "rest-json",
    )
    sent = prove_request(CHAT, STREAMED)

    assert sent.path == theirs["url_path"]
    assert json.loads(sent.body)["stream"] is True
    assert "model" not in json.loads(sent.body)


@pytest.mark.parametrize("told", [b'[{"label": "a", "score": 0.5}]', b'[[{"label": "a", "score": 0.5}]]'])
def test_labels_come_as_the_container_has_them(told):
    operation = Endpoint(task="text-classification", model="team-bert")

    assert document(prove_reply(operation, text("hi"), answer(told)), "text-classification") == [
        {"label": "a", "score": 0.5}
    ]


def test_a_translation_is_taken_out_of_its_list():
    operation = Endpoint(task="translation", model="team-nmt")
    told = answer(b'[{"translation_text": "x"}]')

    assert document(prove_reply(operation, text("hi"), told), "translation") == {"translation_text": "x"}


@pytest.mark.parametrize("body", [b"", b"0.5,", b"\xff", b"{"])
def test_what_is_no_json_is_a_broken_answer(body):
    with pytest.raises(ProviderBroken):
        Endpoint(task="translation", model="team-nmt").reply(text("hi"), answer(body))


def test_a_row_is_one_line_in_the_order_of_the_columns():
    assert prove_request(REGRESSION, ROW).body == b'"Cork, County",30,,1\n'


@pytest.mark.parametrize(
    "row", [b'{"age": 1}', b'{"age": 1, "city": "x", "member": true, "score": 1, "more": 2}', b'{"age": [1]}']
)
def test_a_row_of_other_columns_is_refused(row):
    with pytest.raises(ProviderRefused):
        REGRESSION.request(Ask(row))


@pytest.mark.parametrize("body", [b"0.25\n", b"0.25", b" 2.5e-1 "])
def test_one_number_is_the_prediction(body):
    assert document(prove_reply(REGRESSION, ROW, answer(body, "text/csv")), "tabular-regression") == {
        "prediction": 0.25
    }


@pytest.mark.parametrize("body", [b"0.25", b"0.75,0.25", b"0.75 0.25\n"])
def test_numbers_are_the_chances_of_the_classes(body):
    assert document(prove_reply(CLASSES, ROW, answer(body, "text/csv")), "tabular-classification") == {
        "label": "stays",
        "score": 0.75,
        "probabilities": {"stays": 0.75, "goes": 0.25},
    }


@pytest.mark.parametrize("body", [b"", b"a", b"1,2,3", b"\xff"])
def test_numbers_that_do_not_fit_are_a_broken_answer(body):
    for operation in (CLASSES, REGRESSION):
        with pytest.raises(ProviderBroken):
            operation.reply(ROW, answer(body, "text/csv"))


def parts(body, size):
    """A container's stream in parts that end anywhere."""
    return b"".join(event("PayloadPart", body[at : at + size]) for at in range(0, len(body), size))


@pytest.mark.parametrize("size", [7, 100, 10_000])
def test_a_recorded_stream_of_the_containers_dialect_is_read_through_parts(size):
    exchange = min(recorded("/chat/completions", is_stream=True), key=lambda one: len(one.response.body))
    body = parts(exchange.response.body, size)
    cuts = [(len(body) // 3, len(body) // 2), tuple(range(0, len(body), 13))]
    pieces = prove_stream(CHAT, STREAMED, body, cuts)

    assert [piece.document for piece in pieces] == [
        piece.document for piece in read(CHAT._inner, STREAMED, [exchange.response.body])
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("ModelStreamError", ProviderDown), ("InternalStreamFailure", ProviderDown)]
)
def test_an_exception_within_a_stream_has_its_class(name, kind):
    with pytest.raises(kind):
        read(CHAT, STREAMED, [event(name, b'{"Message":"x"}', "exception")])


def test_a_stream_whose_inner_end_never_came_is_broken():
    exchange = min(recorded("/chat/completions", is_stream=True), key=lambda one: len(one.response.body))
    body = exchange.response.body

    with pytest.raises(ProviderBroken):
        read(CHAT, STREAMED, [parts(body[: body.rindex(b"data: [DONE]")], 50)])


@pytest.mark.parametrize("operation", [CHAT, CLASSES, Endpoint(task="translation", model="m")])
def test_refusals_have_their_class(operation):
    prove_failure(operation, HttpResponse(424, {"x-amzn-errortype": "ModelError"}, b'{"Message":"x"}'), ProviderDown)
    prove_failure(operation, refusal("ValidationError"), ProviderRefused)
    prove_failure(operation, refusal("ModelNotReadyException", 429), ProviderBusy)


def test_csv_needs_the_columns_and_for_classes_their_labels():
    def bind(task, **options):
        settings = ProviderSettings("aws", "aws", None, (Secret("a:b"),), {"region": "eu-west-1"} | options)
        return KIND.bind(settings, "sagemaker-csv:churn", task)

    assert bind("tabular-regression", columns=["a"]).origin.host == "runtime.sagemaker.eu-west-1.amazonaws.com"
    with pytest.raises(ConfigurationRefused):
        bind("tabular-regression")
    with pytest.raises(ConfigurationRefused):
        bind("tabular-classification", columns=["a"], labels=["one"])
