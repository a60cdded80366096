"""The models as a repository, with NVIDIA's own client: their state, how often they ran, loading them anew, and who may."""

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.running import service, write_config

CONFIG = """
models:
  doubled: {python: "tensors:Doubled"}
  mood: {python: "tensors:Mood"}
providers:
  up: {kind: oip, base_url: "http://127.0.0.1:9"}
endpoints:
  doubled: {v1: {targets: [doubled]}, v2: {targets: [doubled], default: true}}
  mood: {v1: {task: text-classification, targets: [mood]}}
  far: {v1: {task: text-classification, targets: ["up/mood"]}}
"""
ROWS = np.ones((3, 4), dtype=np.float32)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    with service(write_config(folder, CONFIG, ("tensors.py",)), folder / "home") as running:
        yield running


@pytest.fixture
def client(served):
    made = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    yield made
    made.close()


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def called(client, served, rows=ROWS, model="doubled"):
    given = triton.InferInput("input", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows)
    return client.infer(model, [given], headers=bearer(served.key))


def test_the_index_tells_every_version_and_its_state(client, served):
    index = client.get_model_repository_index(headers=bearer(served.key))

    assert {(each["name"], each["version"], each["state"]) for each in index} == {
        ("doubled", "1", "READY"),
        ("doubled", "2", "READY"),
        ("far", "1", "READY"),
        ("mood", "1", "READY"),
    }
    assert served.call("/v2/repository/index", {"ready": True}).json == index


def test_what_is_no_json_is_no_request_for_the_index(served):
    assert served.call("/v2/repository/index", body=b"nonsense").status == 422


def test_statistics_count_calls_rows_and_batches_for_who_may_know_them(client, served):
    counting = bearer(served.make_key("counter", scopes=["call:doubled", "statistics"]))
    before = client.get_inference_statistics("doubled", "2", headers=counting)["model_stats"][0]
    for _ in range(3):
        called(client, served)
    with pytest.raises(InferenceServerException):
        called(client, served, ROWS[:, :2])
    after = client.get_inference_statistics("doubled", headers=counting)["model_stats"][0]
    success, fail, ran = (after["inference_stats"][name] for name in ("success", "fail", "compute_infer"))

    assert (after["name"], after["version"]) == ("doubled", "2")
    assert after["inference_count"] - before["inference_count"] == 9
    assert after["execution_count"] - before["execution_count"] == 3
    assert success["count"] - before["inference_stats"]["success"]["count"] == 3
    assert fail["count"] - before["inference_stats"]["fail"]["count"] == 1
    assert success["ns"] > ran["ns"] > 0
    assert after["last_inference"] > 1_700_000_000_000


def test_statistics_of_all_models_are_those_that_the_caller_sees(client, served):
    counting = bearer(served.make_key("narrow", scopes=["call:mood", "statistics"]))
    told = client.get_inference_statistics(headers=counting)["model_stats"]

    assert [each["name"] for each in told] == ["mood"]
    assert "statistics" in client.get_server_metadata(headers=counting)["extensions"]


def test_how_often_all_call_is_not_told_to_a_key_that_only_calls(client, served):
    with pytest.raises(InferenceServerException, match="scope statistics"):
        client.get_inference_statistics("doubled", headers=bearer(served.key))

    assert "statistics" not in client.get_server_metadata(headers=bearer(served.key))["extensions"]


def test_an_administrator_loads_an_endpoints_own_models_anew_and_no_call_is_lost(client, served):
    before = served.workers()
    client.load_model("doubled", headers=bearer(served.admin_key))
    served.until(lambda: not set(before) <= set(served.workers()))

    assert called(client, served).as_numpy("output").tolist() == (ROWS * 2).tolist()


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v2/repository/models/doubled/load", {"parameters": {"config": "{}"}}, "must be empty"),
        ("/v2/repository/models/nobody/load", {}, "No endpoint has this name"),
        ("/v2/repository/models/far/load", {}, "services outside"),
        ("/v2/repository/models/doubled/unload", {"parameters": {"unload_dependents": False}}, "configuration"),
    ],
)
def test_what_a_repository_of_others_would_do_is_refused_in_the_protocols_form(served, path, body, told):
    answer = served.call(path, body, key=served.admin_key)

    assert answer.status >= 400
    assert told in answer.json["error"]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("act", ["load", "unload"])
def test_only_an_administrator_changes_what_is_loaded(served, act):
    assert served.call(f"/v2/repository/models/doubled/{act}", {}).status == 403
