"""The Open Inference Protocol with NVIDIA's own client, whole service behind: JSON, raw bytes, both mixed, and refusals."""

import asyncio
import gzip
import json

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

from tests.running import service, write_config

CONFIG = """
models:
  doubled: {python: "tensors:Doubled"}
  mixed: {python: "tensors:Mixed"}
  shout: {python: "tensors:shout"}
  mood: {python: "tensors:Mood"}
  later: {python: "tensors:Later"}
endpoints:
  doubled: {v1: {targets: [doubled]}, v2: {targets: [doubled], default: true}}
  mixed: {v1: {targets: [mixed]}}
  shout: {v1: {targets: [shout]}}
  mood: {v1: {task: text-classification, targets: [mood]}}
  later: {v1: {targets: [later], timeout: 2s}}
"""
ROWS = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], dtype=np.float32)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensors")
    config = write_config(folder, CONFIG, ("tensors.py",))
    with service(config, folder / "home") as running:
        yield running


@pytest.fixture
def client(served):
    made = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    yield made
    made.close()


@pytest.fixture
def headers(served):
    return {"Authorization": f"Bearer {served.key}"}


def tensor(name, values, datatype, *, binary):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_rows_of_numbers_go_in_and_out_as_json_or_as_raw_bytes(client, headers, binary_in, binary_out):
    wanted = None if binary_out is None else [triton.InferRequestedOutput("output", binary_data=binary_out)]
    given = [tensor("input", ROWS, "FP32", binary=binary_in)]
    result = client.infer("doubled", given, outputs=wanted, headers=headers, request_id="r-7")

    assert result.as_numpy("output").tolist() == (ROWS * 2).tolist()
    assert result.get_response()["id"] == "r-7"
    assert result.get_response()["model_version"] == "2"


def test_one_row_without_a_dimension_of_rows_is_answered_without_one(client, headers):
    result = client.infer("doubled", [tensor("input", ROWS[0], "FP32", binary=True)], headers=headers)

    assert result.as_numpy("output").shape == (4,)


def test_half_floats_and_wider_floats_are_taken_where_floats_are_asked_for(client, headers):
    half = client.infer("doubled", [tensor("input", ROWS.astype(np.float16), "FP16", binary=True)], headers=headers)
    wide = client.infer("doubled", [tensor("input", ROWS.astype(np.float64), "FP64", binary=True)], headers=headers)

    assert half.as_numpy("output").tolist() == wide.as_numpy("output").tolist() == (ROWS * 2).tolist()


@pytest.mark.parametrize("mode", ["gzip", "deflate"])
def test_packed_requests_are_unpacked_before_the_json_is_cut_off(client, headers, mode):
    given = [tensor("input", ROWS, "FP32", binary=True)]
    result = client.infer("doubled", given, headers=headers, request_compression_algorithm=mode)

    assert result.as_numpy("output").tolist() == (ROWS * 2).tolist()


def test_fields_of_every_form_are_tensors_of_their_own_json_and_raw_mixed(client, headers):
    given = [
        tensor("left", np.array([1.5, 2.5]), "FP64", binary=True),
        tensor("count", np.array([2]), "INT64", binary=False),
        tensor("word", np.array(["h\u00e9"], dtype=object), "BYTES", binary=True),
        tensor("is_loud", np.array([True]), "BOOL", binary=True),
    ]
    result = client.infer("mixed", given, headers=headers)

    assert result.as_numpy("total").tolist() == [8.0]
    assert [word.decode() for word in result.as_numpy("words")] == ["H\u00c9", "H\u00c9"]
    assert json.loads(result.as_numpy("extra")[0]) == {"n": 2}


def test_a_field_that_need_not_be_there_need_not_be_sent(client, headers):
    given = [
        tensor("left", np.array([], dtype=np.float64), "FP64", binary=True),
        tensor("count", np.array([1]), "INT64", binary=False),
        tensor("word", np.array(["a"], dtype=object), "BYTES", binary=False),
    ]
    wanted = [triton.InferRequestedOutput("total", binary_data=False)]
    result = client.infer("mixed", given, outputs=wanted, headers=headers)

    assert result.as_numpy("total").tolist() == [0.0]
    assert result.as_numpy("words") is None


def test_text_is_bytes(client, headers):
    result = client.infer(
        "shout", [tensor("input", np.array(["hi"], dtype=object), "BYTES", binary=True)], headers=headers
    )

    assert result.as_numpy("output")[0].decode() == "HI"


def test_the_asynchronous_client_is_answered_alike(served, headers):
    async def asked():
        async with triton_aio.InferenceServerClient(f"127.0.0.1:{served.port}") as client:
            result = await client.infer("doubled", [tensor("input", ROWS, "FP32", binary=True)], headers=headers)
            return result.as_numpy("output"), await client.is_server_ready()

    output, ready = asyncio.run(asked())

    assert output.tolist() == (ROWS * 2).tolist()
    assert ready


@pytest.mark.parametrize(
    ("model", "given", "told"),
    [
        ("nobody", tensor("input", ROWS, "FP32", binary=True), "No endpoint has this name"),
        ("doubled", tensor("input", ROWS.astype(np.int32), "INT32", binary=True), "must be FP32"),
        ("doubled", tensor("other", ROWS, "FP32", binary=True), "unknown input"),
        ("doubled", tensor("input", ROWS[:, :3], "FP32", binary=True), "must be [-1, 4]"),
        ("doubled", tensor("input", ROWS[:0], "FP32", binary=True), "at least one row"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(client, headers, model, given, told):
    with pytest.raises(InferenceServerException) as caught:
        client.infer(model, [given], headers=headers)

    assert told in str(caught.value)


def test_an_output_that_there_is_not_and_an_unknown_version_are_refused(client, headers):
    given = [tensor("input", ROWS, "FP32", binary=True)]
    with pytest.raises(InferenceServerException, match="must be one of output"):
        client.infer("doubled", given, outputs=[triton.InferRequestedOutput("other")], headers=headers)
    with pytest.raises(InferenceServerException, match="has no v9"):
        client.infer("doubled", given, model_version="9", headers=headers)


def test_without_a_key_only_health_is_open(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    with pytest.raises(InferenceServerException):
        client.infer("doubled", [tensor("input", ROWS, "FP32", binary=True)])


def test_the_service_tells_of_itself_and_of_its_models(client, headers):
    metadata = client.get_model_metadata("doubled", headers=headers)
    config = client.get_model_config("doubled", headers=headers)

    assert "binary_tensor_data" in client.get_server_metadata(headers=headers)["extensions"]
    assert metadata["versions"] == ["1", "2"]
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 4]}]
    assert config["input"] == [{"name": "input", "data_type": "TYPE_FP32", "dims": [4]}]
    assert client.is_model_ready("doubled", headers=headers)
    assert {each["name"] for each in client.get_model_metadata("mixed", headers=headers)["inputs"]} == {
        "left",
        "count",
        "word",
        "is_loud",
    }


@pytest.mark.parametrize(
    ("body", "extra", "told"),
    [
        (b"{}", {}, "inputs"),
        (b"nonsense", {}, "JSON"),
        (b'{"inputs": []}', {}, "1 to 256"),
        (b'{"inputs": []}', {"Inference-Header-Content-Length": "99"}, "Inference-Header-Content-Length"),
        (b'{"inputs": [{"name": "input", "shape": [4], "datatype": "FP32", "data": [1, 2]}]}', {}, "4 elements"),
        (b'{"inputs": [{"name": "input", "shape": [-4], "datatype": "FP32", "data": []}]}', {}, "none below 0"),
        (b'{"inputs": [{"name": "input", "shape": [4], "datatype": "FP99", "data": []}]}', {}, "must be one of"),
        (b'{"inputs": [{"name": "input", "shape": [1], "datatype": "FP16", "data": [1]}]}', {}, "raw bytes"),
        (
            b'{"inputs": [{"name": "input", "shape": [4], "datatype": "FP32", "parameters": {"shared_memory_region": "a"}}]}',
            {},
            "extension",
        ),
    ],
)
def test_bytes_that_are_no_request_get_a_clear_error(served, body, extra, told):
    answer = served.call("/v2/models/doubled/infer", body=body, headers=extra)

    assert answer.status in {400, 422}
    assert told in answer.body.decode()
    assert isinstance(answer.json["error"], str)


def test_a_call_in_tensors_is_recorded_like_any_other(served, headers, client):
    client.infer("doubled", [tensor("input", ROWS, "FP32", binary=True)], headers=headers)
    call = served.cli("records", "list", "--limit", "1")[0]

    assert (call["endpoint"], call["version"], call["rows"]) == ("doubled", 2, 2)


def test_a_packed_body_by_hand_is_measured_unpacked(served):
    head = json.dumps(
        {"inputs": [{"name": "input", "shape": [4], "datatype": "FP32", "parameters": {"binary_data_size": 16}}]}
    ).encode()
    body = gzip.compress(head + ROWS[0].tobytes())
    sent = {"Content-Encoding": "gzip", "Inference-Header-Content-Length": str(len(head))}
    answer = served.call("/v2/models/doubled/infer", body=body, headers=sent)

    assert answer.json["outputs"][0]["data"] == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("is_raw", ["true", "false"])
def test_another_service_is_asked_in_tensors_and_answers_like_any_target(served, tmp_path, is_raw):
    outer = f"""
providers:
  inner: {{kind: oip, base_url: "http://127.0.0.1:{served.port}", api_key: {served.key}, is_raw: {is_raw}}}
endpoints:
  mood: {{v1: {{task: text-classification, targets: ["inner/mood/1"]}}}}
"""
    with service(write_config(tmp_path, outer), tmp_path / "home") as running:
        answer = running.call("/api/mood/v1", {"inputs": "h\u00e9llo", "parameters": {"top_k": 1}})

    assert answer.json == [{"label": "h\u00e9llo", "score": 1.0}]
    assert answer.headers["headworks-target"] == "inner/mood/1"


def test_a_caller_who_waits_less_is_answered_that_it_took_too_long(client, headers):
    given = [tensor("input", np.array([1.0]), "FP64", binary=True)]
    with pytest.raises(InferenceServerException, match="[Dd]eadline"):
        client.infer("later", given, headers=headers, timeout=100_000)


def test_a_caller_who_would_wait_longer_waits_no_longer_than_the_endpoint_allows(client, headers):
    given = [tensor("input", np.array([3.0]), "FP64", binary=True)]
    with pytest.raises(InferenceServerException, match="[Dd]eadline"):
        client.infer("later", given, headers=headers, timeout=60_000_000)


@pytest.mark.parametrize("timeout", [0, 60_000_000])
def test_a_caller_who_waits_long_enough_is_answered(client, headers, timeout):
    given = [tensor("input", np.array([0.0]), "FP64", binary=True)]

    assert client.infer("later", given, headers=headers, timeout=timeout).as_numpy("output").tolist() == [0.0]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"timeout": "soon"}, "/parameters/timeout"),
        ({"timeout": -1}, "/parameters/timeout"),
        ({"timeout": True}, "/parameters/timeout"),
        ({"sequence_id": 7, "sequence_start": True}, "/parameters/sequence_id"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_rather_than_passed_over(served, parameters, told):
    inputs = [{"name": "input", "shape": [1], "datatype": "FP64", "data": [0.0]}]
    answer = served.call("/v2/models/later/infer", {"inputs": inputs, "parameters": parameters})

    assert answer.status == 422
    assert told in answer.json["error"]


@pytest.mark.parametrize(
    ("model", "body", "values"),
    [("doubled", ROWS[0].tobytes(), [2.0, 4.0, 6.0, 8.0]), ("later", np.zeros(1).tobytes(), [0.0])],
)
def test_numbers_may_come_alone_without_any_json(served, model, body, values):
    answer = served.call(f"/v2/models/{model}/infer", body=body, headers={"Inference-Header-Content-Length": "0"})
    head = int(answer.headers["inference-header-content-length"])

    assert json.loads(answer.body[:head])["outputs"][0]["shape"] == [len(values)]
    assert np.frombuffer(answer.body[head:], np.float32 if model == "doubled" else np.float64).tolist() == values


def test_a_text_may_come_alone_too(served):
    answer = served.call(
        "/v2/models/shout/infer", body="h\u00e9".encode(), headers={"Inference-Header-Content-Length": "0"}
    )

    assert answer.body.endswith("H\u00c9".encode())


@pytest.mark.parametrize(
    ("model", "body"), [("doubled", b"123"), ("doubled", b""), ("mixed", b"1234"), ("later", bytes(9))]
)
def test_a_body_alone_that_does_not_fit_is_refused(served, model, body):
    answer = served.call(f"/v2/models/{model}/infer", body=body, headers={"Inference-Header-Content-Length": "0"})

    assert answer.status in {400, 422}
