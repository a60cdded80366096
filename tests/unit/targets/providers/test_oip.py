"""Kind `oip`: tasks asked of inference servers, in JSON and in raw bytes."""

import json
import struct

import pytest

from headworks.errors import ConfigurationRefused, ProviderBroken, ProviderBusy, ProviderDown, ProviderRefused
from headworks.targets.providers.kinds import bound
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse, ProviderSettings

URL = "http://triton.example:8000"


def operation(task, reference="m", **options):
    settings = {"up": ProviderSettings("up", "oip", URL, (), options)}
    return bound(settings, f"up/{reference}", task).operation


def ask(**row):
    return Ask(json.dumps(row).encode())


def answered(*outputs, raw=b""):
    head = json.dumps({"model_name": "m", "outputs": list(outputs)}).encode()
    return HttpResponse(200, {"inference-header-content-length": str(len(head))} if raw else {}, head + raw)


def test_a_row_of_columns_is_a_tensor_a_column_by_its_value():
    request = prove_request(operation("tabular-regression", "m/3"), ask(age=44, income=1.5, job="cook", member=True))

    assert request.path == "/v2/models/m/versions/3/infer"
    assert json.loads(request.body)["inputs"] == [
        {"name": "age", "shape": [1], "datatype": "INT64", "data": [44]},
        {"name": "income", "shape": [1], "datatype": "FP64", "data": [1.5]},
        {"name": "job", "shape": [1], "datatype": "BYTES", "data": ["cook"]},
        {"name": "member", "shape": [1], "datatype": "BOOL", "data": [True]},
    ]


def test_a_server_that_counts_rows_and_has_names_of_its_own_is_asked_so():
    asked = operation("tabular-regression", inputs={"x": "features"}, is_batched=True)
    request = prove_request(asked, ask(x=[1, 2.5]))
    reply = prove_reply(
        asked, ask(x=[1, 2.5]), answered({"name": "y", "shape": [1, 1], "datatype": "FP32", "data": [7.5]})
    )

    assert json.loads(request.body)["inputs"] == [
        {"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [1, 2.5]}
    ]
    assert json.loads(reply.document) == {"prediction": 7.5}


def test_raw_bytes_go_out_and_come_back():
    asked = operation("tabular-regression", is_raw=True)
    request = prove_request(asked, ask(x=[1.5, 2.5]))
    (length,) = [int(value) for name, value in request.headers if name == "inference-header-content-length"]
    output = {"name": "prediction", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}
    reply = prove_reply(asked, ask(x=[1.5, 2.5]), answered(output, raw=struct.pack("<f", 0.25)))

    assert request.body[length:] == struct.pack("<2d", 1.5, 2.5)
    assert json.loads(request.body[:length])["parameters"] == {"binary_data_output": True}
    assert json.loads(reply.document) == {"prediction": 0.25}


def test_chances_become_labels_where_the_classes_are_named():
    chances = answered({"name": "p", "shape": [1, 2], "datatype": "FP32", "data": [0.25, 0.75]})
    table = operation("tabular-classification", labels=["good", "bad"])
    text = operation("text-classification", labels=["negative", "positive"])

    assert json.loads(prove_reply(table, ask(x=1), chances).document) == {
        "label": "bad",
        "score": 0.75,
        "probabilities": {"good": 0.25, "bad": 0.75},
    }
    assert [each["label"] for each in json.loads(prove_reply(text, ask(inputs="hi"), chances).document)] == [
        "positive",
        "negative",
    ]


def test_a_reply_that_is_no_tensor_comes_as_json_text():
    labels = [{"label": "positive", "score": 0.9}]
    output = {"name": "output", "shape": [1], "datatype": "BYTES", "data": [json.dumps(labels)]}
    reply = prove_reply(operation("text-classification"), ask(inputs="hi"), answered(output))

    assert json.loads(reply.document) == labels


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(200, {}, b"nonsense"),
        answered(),
        answered({"name": "p", "shape": [2], "datatype": "FP32", "data": [1]}),
        answered({"name": "p", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 4}}, raw=b"ab"),
        answered({"name": "output", "shape": [1], "datatype": "BYTES", "data": ["{"]}),
        HttpResponse(200, {"inference-header-content-length": "99999"}, b"{}"),
    ],
)
def test_a_reply_that_makes_no_sense_is_broken_never_a_crash(response):
    with pytest.raises(ProviderBroken):
        operation("text-classification").reply(ask(inputs="hi"), response)


@pytest.mark.parametrize(
    ("status", "error"), [(400, ProviderRefused), (404, ProviderDown), (500, ProviderDown), (503, ProviderBusy)]
)
def test_refusals_are_what_their_status_says(status, error):
    prove_failure(operation("text-classification"), HttpResponse(status, {}, b'{"error": "no"}'), error)


def test_a_column_that_makes_no_tensor_is_named():
    with pytest.raises(ProviderRefused) as caught:
        operation("tabular-regression").request(ask(x={"a": 1}))

    assert caught.value.errors[0].pointer == "/x"


@pytest.mark.parametrize(
    ("settings", "task", "told"),
    [
        (ProviderSettings("up", "oip"), "text-classification", "base_url"),
        (ProviderSettings("up", "oip", URL), "chat", "no events"),
        (ProviderSettings("up", "oip", URL, (), {"labls": []}), "text-classification", "did you mean 'labels'"),
    ],
)
def test_a_wrong_configuration_is_told_what_is_wrong(settings, task, told):
    with pytest.raises(ConfigurationRefused) as caught:
        bound({"up": settings}, "up/m", task)

    assert told in f"{caught.value.detail} {caught.value.errors}"
