"""The catalogue and the OpenAPI document."""

import json
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from headworks.admin.catalogue import accepted_media, detail, listing, status_of
from headworks.admin.openapi import openapi
from headworks.contract import tasks
from headworks.contract.schema import contract_from
from headworks.units import parse_rate
from headworks.values import Endpoint
from tests.unit.contracts import BASE64, NUMBERS, PERSON, PHOTO, PICTURE, make_contract, make_endpoint

NOW_S = 1_800_000_000.0
TREE = {
    "$ref": "#/$defs/Tree",
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {"label": {"const": {"$ref": "#/data"}}, "inner": {"$ref": "#/$defs/Tree"}},
        }
    },
}
OLD = make_endpoint(deprecated_wall_s=NOW_S - 1, sunset_wall_s=NOW_S + 1, successor="/api/score/v2")
ENDPOINTS = (
    OLD,
    make_endpoint(make_contract(is_batch=True, examples=({"x": [1, 2]},)), version=2, rate=parse_rate("50/s")),
    make_endpoint(make_contract(PHOTO, is_batch=True), "photo"),
    make_endpoint(make_contract(PICTURE), "whole"),
    make_endpoint(make_contract(PERSON, is_batch=True), "people"),
    make_endpoint(make_contract({"type": "string"}, is_stream=True), "tale"),
    make_endpoint(make_contract(TREE, TREE), "tree"),
)


def document(*endpoints: Endpoint) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(openapi(endpoints or ENDPOINTS, NOW_S))
    return made


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(document()).validate()


@pytest.mark.parametrize("task", tasks.names())
def test_every_task_is_valid_openapi(task: str) -> None:
    contract = contract_from(*tasks.schemas(task), is_batch=True, is_stream=True, examples=())

    OpenAPIV31SpecValidator(document(make_endpoint(contract, task))).validate()


def test_without_endpoints_it_is_valid_too() -> None:
    OpenAPIV31SpecValidator(json.loads(openapi((), NOW_S, "/inference"))).validate()


def test_each_version_has_its_real_types() -> None:
    made = document()
    post = made["paths"]["/api/score/v2"]["post"]

    assert made["components"]["schemas"]["score.v2.request"] == NUMBERS
    reference = {"$ref": "#/components/schemas/score.v2.request"}
    assert post["requestBody"]["content"]["application/json"]["schema"]["anyOf"][0] == reference
    assert post["requestBody"]["content"]["application/json"]["examples"] == {"example-1": {"value": {"x": [1, 2]}}}
    single = made["paths"]["/api/score/v1"]["post"]
    assert single["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("score.v1.request")


def test_references_lead_to_where_the_schemas_stand() -> None:
    made = document()
    tree = made["components"]["schemas"]["tree.v1.request"]
    whole = {"$ref": "#/components/schemas/tree.v1.request", "components": made["components"]}

    assert tree["$ref"] == "#/components/schemas/tree.v1.request/$defs/Tree"
    assert tree["$defs"]["Tree"]["properties"]["label"]["const"] == {"$ref": "#/data"}
    assert not jsonschema_rs.is_valid(whole, {"inner": {"inner": 1}})
    assert jsonschema_rs.is_valid(whole, {"inner": {"inner": {}}})


def test_a_deprecated_version_says_so() -> None:
    paths = document()["paths"]

    assert paths["/api/score/v1"]["post"]["deprecated"] is True
    assert paths["/api/score/v1"]["post"]["x-headworks"]["successor"] == "/api/score/v2"
    assert paths["/api/score/v2"]["post"]["deprecated"] is False


def test_every_operation_but_health_needs_a_key_and_names_its_errors() -> None:
    made = document()

    for path, operations in made["paths"].items():
        for operation in operations.values():
            assert operation.get("security", made["security"]) == (
                [] if path.startswith("/health") else made["security"]
            )
            assert "default" in operation["responses"]
            if not path.startswith("/health"):
                assert {"401", "403", "422", "429", "503", "504"} <= operation["responses"].keys()


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for path in document()["paths"].values() for operation in path.values()]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("request_schema", "media"),
    [
        (NUMBERS, ["application/json", "text/csv"]),
        (PHOTO, ["application/json", "multipart/form-data", "image/*"]),
        (BASE64, ["application/json", "multipart/form-data", "application/octet-stream"]),
        ({"type": "string"}, ["application/json", "text/plain"]),
        ({"type": "array"}, ["application/json"]),
    ],
)
def test_the_types_a_body_may_have_are_listed(request_schema: Any, media: list[str]) -> None:
    assert accepted_media(make_endpoint(make_contract(request_schema))) == media


def test_a_streaming_version_answers_an_array_or_events() -> None:
    content = document()["paths"]["/api/tale/v1"]["post"]["responses"]["200"]["content"]

    assert content["application/json"]["schema"]["type"] == "array"
    assert content["text/event-stream"]["x-event-schema"]["$ref"].endswith("tale.v1.reply")


def test_a_raw_body_takes_the_other_fields_as_query_parameters() -> None:
    parameters = document()["paths"]["/api/photo/v1"]["post"]["parameters"]

    assert [p["name"] for p in parameters if p.get("in") == "query"] == ["top_k", "labels"]


@pytest.mark.parametrize(("offset_s", "status"), [(-2, "current"), (-1, "deprecated"), (0, "deprecated"), (1, "gone")])
def test_a_version_is_current_then_deprecated_then_gone(offset_s: float, status: str) -> None:
    assert status_of(OLD, NOW_S + offset_s) == status


def test_the_list_groups_versions_by_name() -> None:
    listed = json.loads(listing(ENDPOINTS, NOW_S))

    assert [each["name"] for each in listed["endpoints"]] == ["people", "photo", "score", "tale", "tree", "whole"]
    versions = listed["endpoints"][2]["versions"]
    assert [(v["version"], v["status"], v["path"]) for v in versions] == [
        (1, "deprecated", "/api/score/v1"),
        (2, "current", "/api/score/v2"),
    ]
    assert versions[0]["sunset"] == "2027-01-15T08:00:01.000Z"


def test_the_detail_tells_schemas_limits_and_examples() -> None:
    told = json.loads(detail(ENDPOINTS[1], NOW_S))

    assert told["request"] == NUMBERS
    assert told["examples"] == [{"x": [1, 2]}]
    assert told["rate"] == {"calls": 50, "period_s": 1, "burst": 50}
    assert (told["is_batch"], told["most_rows"], told["timeout_s"]) == (True, 10_000, 10)
