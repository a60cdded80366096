"""Existing ASGI and WSGI applications as targets."""

import pytest

from tests.running import service, write_config

CONFIG = """
models:
  asgi-app: {asgi: "webapps:asgi_app"}
  wsgi-app: {wsgi: "webapps:wsgi_app"}
endpoints:
  new: {v1: {targets: [asgi-app]}}
  old: {v1: {targets: [wsgi-app]}}
"""


@pytest.fixture(scope="module")
def applications(tmp_path_factory):
    folder = tmp_path_factory.mktemp("applications")
    with service(write_config(folder, CONFIG, ["webapps.py"]), folder / "home") as running:
        yield running


def test_an_application_gets_method_path_query_and_body_but_never_the_key(applications):
    answer = applications.call("/api/new/v1/items/7?a=b", {"n": 1}, method="PUT")

    assert answer.status == 201
    assert answer.body == b'PUT /items/7?a=b {"n": 1} key=False'
    assert answer.headers["content-type"] == "text/plain"


def test_an_application_cannot_speak_for_the_service(applications):
    headers = applications.get("/api/new/v1/").headers

    assert headers["x-app"] == "1"
    assert headers["x-request-id"] != "forged"
    assert headers.get("connection", "").lower() != "close"
    assert headers["headworks-target"] == "asgi-app"


def test_a_wsgi_application_answers_too(applications):
    assert applications.call("/api/old/v1/x", body=b"hello").body == b"POST /x hello"


def test_calls_of_applications_need_a_key_and_are_recorded(applications):
    assert applications.get("/api/new/v1/secret", key="").status == 401
    request_id = applications.get("/api/new/v1/known").headers["x-request-id"]

    assert request_id in {call["request_id"] for call in applications.cli("records", "list", "--endpoint", "new")}


def test_nothing_is_below_an_endpoint_that_is_no_application(served):
    assert served.get("/api/sum/v2/more").status == 404
