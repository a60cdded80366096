"""The published OpenAPI document is true: calls made from it, right and wrong, are answered as it says."""

import copy

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.heavy import times
from tests.running import service, write_config

EXAMPLES = times(15, 400)
CONFIG = """
models:
  trips: {python: "typed:Trips"}
  credit: {python: "typed:Credit"}
  four: {python: "typed:Four"}
  mood: {python: "typed:Mood"}
  bytes: {python: "typed:Bytes"}
  shout: {python: "kinds:shout"}
  pieces: {python: "hard:Pieces"}
endpoints:
  trips: {v1: {targets: [trips], deprecated: 2026-01-01}, v2: {targets: [trips]}}
  credit: {v1: {targets: [credit]}}
  four: {v1: {targets: [four]}}
  mood: {v1: {task: text-classification, targets: [mood]}}
  bytes: {v1: {targets: [bytes]}}
  shout: {v1: {targets: [shout]}}
  pieces: {v1: {targets: [pieces]}}
logs: {calls: false}
"""
OPERATIONS = [("GET", "/api"), ("GET", "/health/live"), ("GET", "/health/ready")] + [
    (method, f"/api/{name}")
    for name in ("trips/v1", "trips/v2", "credit/v1", "four/v1", "mood/v1", "bytes/v1", "shout/v1", "pieces/v1")
    for method in ("GET", "POST")
]
HARMLESS = {"#/components/parameters/Subject", "#/components/parameters/ClientRequestId"}
BOUNDED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
ALWAYS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    with service(write_config(folder, CONFIG, models=("typed.py", "kinds.py", "hard.py")), folder / "home") as running:
        document = running.get("/openapi.json").json
        running.schema = schemathesis.openapi.from_dict(document)
        running.strict = schemathesis.openapi.from_dict(strict(document))
        yield running


def strict(document):
    """The part of a document that says all there is to know: JSON bodies, and no header that ends a call early."""
    document = copy.deepcopy(document)
    del document["security"], document["components"]["securitySchemes"]
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        operation.pop("security", None)
        operation["parameters"] = [each for each in operation.get("parameters", []) if each.get("$ref") in HARMLESS]
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            operation["requestBody"]["content"] = {"application/json": content["application/json"]}
    return document


def hold(published, method, path, mode, *more):
    """Make calls of one kind to one operation."""
    url, key = f"http://127.0.0.1:{published.port}", {"Authorization": f"Bearer {published.key}"}

    @BOUNDED
    @given(case=published.strict[path][method].as_strategy(generation_mode=mode))
    def test(case):
        case.call_and_validate(url, headers=key, checks=[*ALWAYS, *more])

    test()


def test_every_published_operation_is_tried(published):
    told = {(each.ok().method.upper(), each.ok().path) for each in published.schema.get_all_operations()}

    assert told == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_calls_that_keep_to_the_document_are_answered_as_it_says(published, method, path):
    is_text_in_disguise = path == "/api/bytes/v1"  # base64 is an annotation: any text keeps to the schema
    hold(
        published,
        method,
        path,
        GenerationMode.POSITIVE,
        *(() if is_text_in_disguise else (checks.positive_data_acceptance,)),
    )


@pytest.mark.parametrize("path", sorted({path for method, path in OPERATIONS if method == "POST"}))
def test_calls_that_break_the_document_are_refused_as_it_says(published, path):
    hold(published, "POST", path, GenerationMode.NEGATIVE, checks.negative_data_rejection)


@pytest.mark.parametrize("path", sorted({path for method, path in OPERATIONS if method == "POST"}))
def test_anything_at_all_is_answered_with_a_status_that_the_document_names(published, path):
    """Every header and every media type, right and wrong."""
    url, key = (
        f"http://127.0.0.1:{published.port}",
        {"Authorization": f"Bearer {published.key}", "X-API-Key": published.key},
    )
    answered = [check for check in ALWAYS if check is not not_a_server_error]

    @BOUNDED
    @given(
        case=published.schema[path]["POST"].as_strategy()
        | published.schema[path]["POST"].as_strategy(GenerationMode.NEGATIVE)
    )
    def test(case):
        response = case.call(url, headers=key)
        assert response.status_code != 500, response.content
        case.validate_response(response, headers=key, checks=answered)

    test()
