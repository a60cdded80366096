"""KServe's REST client and MLServer's command line against our tensors. Run with HEADWORKS_OIP=1; 250 MB are fetched at the first use."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.llm.places import python_with
from tests.running import service, write_config

pytestmark = [
    pytest.mark.oip,
    pytest.mark.skipif(not os.environ.get("HEADWORKS_OIP"), reason="HEADWORKS_OIP=1 runs it"),
]
CONFIG = """
models:
  doubled: {python: "tensors:Doubled"}
  mixed: {python: "tensors:Mixed"}
  shout: {python: "tensors:shout"}
endpoints:
  doubled: {v1: {targets: [doubled]}, v2: {targets: [doubled], default: true}}
  mixed: {v1: {targets: [mixed]}}
  shout: {v1: {targets: [shout]}}
"""
KSERVE = "kserve==0.21.0"
MLSERVER = "mlserver==1.7.1"
SECONDS = 600
DOUBLED = [[2.0, 4.0, 6.0, 8.0], [10.0, 12.0, 14.0, 16.0]]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    with service(write_config(folder, CONFIG, ("tensors.py",)), folder / "home") as running:
        yield running


def ran(*program, **env):
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=SECONDS, check=False, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def told(served):
    program = [python_with(KSERVE), Path(__file__).with_name("kserve_asks.py")]
    out = ran(*program, URL=f"http://127.0.0.1:{served.port}", KEY=served.key)
    return json.loads(next(line for line in out.splitlines() if line.startswith("TOLD ")).removeprefix("TOLD "))


def test_kserves_client_is_told_what_is_ready_and_what_is_not(told):
    assert (told["live"], told["ready"], told["model ready"], told["stranger ready"]) == (True, True, True, False)


@pytest.mark.parametrize("form", ["json", "raw", "all raw", "half"])
def test_kserves_client_sends_and_gets_numbers_in_every_form(told, form):
    assert told[form] == {"id": "r-7", "model": "doubled", "version": None, "output": DOUBLED}


def test_kserves_client_sends_fields_of_every_form_in_one_request(told):
    assert (told["mixed"]["total"], told["mixed"]["words"]) == ([8.0], ["H\u00c9", "H\u00c9"])
    assert told["text"]["output"] == ["H\u00c9"]


def test_kserves_client_shows_its_user_why_it_was_refused(told):
    unknown, wrong = told["unknown"], told["wrong type"]

    assert (unknown[0], wrong[0]) == (404, 422)
    assert "There is no endpoint nobody" in unknown[1] or "No endpoint has this name" in unknown[1]
    assert "must be FP32" in wrong[1]


def inferred(served, folder, model, requests, *words):
    """What `mlserver infer` writes for a file of requests, by their place in it."""
    given, got = folder / "given.txt", folder / "got.txt"
    given.write_text("".join(json.dumps(request) + "\n" for request in requests))
    command = Path(python_with(MLSERVER)).with_name("mlserver")
    key = ("-H", f"Authorization: Bearer {served.key}")
    ran(
        command, "infer", "-u", f"127.0.0.1:{served.port}", "-m", model, "-i", given, "-o", got, "-r", "1", *key, *words
    )
    answers = [json.loads(line) for line in got.read_text().splitlines()]
    return {answer["parameters"]["batch_index"]: answer for answer in answers}


def row(*values):
    return {"inputs": [{"name": "input", "shape": [1, len(values)], "datatype": "FP32", "data": list(values)}]}


@pytest.mark.parametrize(
    "words", [(), ("-b",), ("-s", "2"), ("-b", "-s", "3")], ids=["json", "raw", "two", "raw, three"]
)
def test_mlservers_command_line_works_through_a_file_of_requests(served, tmp_path, words):
    requests = [row(n, n, n, n) | ({"id": "mine"} if n == 4 else {}) for n in range(7)]
    answers = inferred(served, tmp_path, "doubled", requests, *words)

    assert sorted(answers) == list(range(7))
    assert all(answers[n]["outputs"][0]["data"] == [2.0 * n] * 4 for n in range(7))
    assert (answers[4]["id"], answers[4]["model_version"]) == ("mine", "2")


def test_mlservers_command_line_writes_down_which_request_was_refused_and_why(served, tmp_path):
    answers = inferred(served, tmp_path, "doubled", [row(1, 2, 3, 4), row(1, 2, 3)])

    assert answers[0]["outputs"][0]["data"] == [2.0, 4.0, 6.0, 8.0]
    assert "must be [-1, 4]" in answers[1]["error"]["msg"]


@pytest.mark.parametrize("words", [(), ("-b",)], ids=["json", "raw"])
def test_mlservers_command_line_sends_texts(served, tmp_path, words):
    request = {"inputs": [{"name": "input", "shape": [1], "datatype": "BYTES", "data": ["h\u00e9"]}]}

    assert inferred(served, tmp_path, "shout", [request], *words)[0]["outputs"][0]["data"] == ["H\u00c9"]
