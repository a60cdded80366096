"""Every route, with every method, without a key, with a wrong one and with one that may not: made from the table."""

from itertools import count

import pytest

from headworks.routes import table
from headworks.values import Auth
from tests.running import service, write_config

CONFIG = """
models:
  echo: {python: "kinds:Echo"}
  sum: {python: "kinds:Sum"}
endpoints:
  echo: {v1: {targets: [echo]}}
  sum: {v1: {targets: [sum]}}
logs: {calls: false}
"""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FILLED = {"{endpoint}": "echo", "{version}": "1", "{rest}": "x", "{job}": "j1", "{model}": "echo"}
FILLED |= {"{asked}": "echo", "{thing}": "i1"}
PUBLIC = {"/docs/docs.css", "/docs/docs.js", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"}
ROUTES = {(route.method, route.template): route for route in table(2**20, is_loopback=True)}
TEMPLATES = sorted({template for _, template in ROUTES})
EVERY = [(method, template) for template in TEMPLATES for method in METHODS]
OF_A_CALL = "/api/{endpoint}/v{version}"
SOURCES = count(1)


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doors")
    with service(write_config(folder, CONFIG), folder / "home") as running:
        running.scoped_key = running.make_key("scoped", scopes=["call:sum"])
        yield running


def knock(doors, method, template, key, **more):
    """Whoever fails too often is told 429, so that each knock comes from a network of its own."""
    number = next(SOURCES)
    for name, value in FILLED.items():
        template = template.replace(name, value)
    body = b"{}" if method in {"POST", "PUT", "PATCH"} else None
    source = f"127.{number // 250 + 1}.{number % 250}.1"
    return doors.call(template, method=method, key=key, body=body, source=source, **more)


def route_of(method, template):
    return ROUTES.get(("GET" if method == "HEAD" else method, template))


def test_the_public_paths_are_these_and_no_others():
    public = {route.template for route in ROUTES.values() if route.auth is Auth.PUBLIC}
    local = {route.template for route in ROUTES.values() if route.auth is Auth.LOCAL}
    beyond = {route.template: route.auth for route in table(2**20, is_loopback=False)}

    assert public == PUBLIC
    assert local == {"/metrics"}
    assert beyond["/metrics"] is Auth.ADMIN


@pytest.mark.parametrize(("method", "template"), EVERY)
@pytest.mark.parametrize(
    "key", ["", "hw_live_garbage", "hw_live_00000000_" + "A" * 43 + "_AAAAAA"], ids=["none", "garbage", "forged"]
)
def test_without_a_valid_key_nothing_but_the_public_paths_opens(doors, method, template, key):
    route = route_of(method, template)
    answer = knock(doors, method, template, key)

    if route is None:
        assert answer.status == 405
    elif route.auth in {Auth.PUBLIC, Auth.LOCAL}:
        assert answer.status == 200
    else:
        assert answer.status == 401
        assert "www-authenticate" in answer.headers
    assert len(answer.headers["x-request-id"]) == 26


@pytest.mark.parametrize(
    ("method", "template"), [key for key, route in ROUTES.items() if route.auth in {Auth.ADMIN, Auth.STATISTICS}]
)
def test_an_ordinary_key_opens_nothing_of_the_administration(doors, method, template):
    for key in (doors.key, doors.scoped_key):
        answer = knock(doors, method, template, key)

        assert (answer.status, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_scoped_key_opens_no_endpoint_outside_its_scope(doors, method):
    assert knock(doors, method, OF_A_CALL, doors.scoped_key).status == 403


@pytest.mark.parametrize(("method", "template"), [key for key, route in ROUTES.items() if route.auth is Auth.KEY])
def test_an_ordinary_key_is_let_in_where_a_key_is_asked_for(doors, method, template):
    assert knock(doors, method, template, doors.key).status not in {401, 403, 405, 500}


def test_the_catalogue_shows_a_scoped_key_its_own_endpoints_only(doors):
    listed = knock(doors, "GET", "/api", doors.scoped_key)
    described = knock(doors, "GET", "/openapi.json", doors.scoped_key)

    assert b"/api/sum/v1" in listed.body
    assert b"echo" not in listed.body
    assert b"/api/echo" not in described.body


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via"])
def test_metrics_are_not_open_to_what_came_through_a_proxy(doors, header):
    assert knock(doors, "GET", "/metrics", "", headers={header: "127.0.0.1"}).status == 401
    assert knock(doors, "GET", "/metrics", doors.key, headers={header: "127.0.0.1"}).status == 403
    assert knock(doors, "GET", "/metrics", doors.admin_key, headers={header: "127.0.0.1"}).status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/admin", "/admin/", "/admin/nothing", "/admin/keys/", "//admin/keys", "/Admin/keys", "/health", "/health/live/", "/api/echo",
     "/api/echo/v01", "/api/echo/v1/../../../admin/keys", "/api/%2e%2e/admin/keys", "/static/x", "/.env", "/docs/../admin/keys", "/docs/x"],
)  # fmt: skip
def test_a_path_that_is_not_in_the_table_does_not_exist(doors, path):
    answers = [knock(doors, method, path, key) for method in ("GET", "POST") for key in ("", doors.key)]

    assert {answer.status for answer in answers} <= {400, 401, 404}
