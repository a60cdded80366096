import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import BodyTooLarge, ConfigurationRefused, MethodNotAllowed, NotFound
from headworks.request.arrive import Routes, arrive
from headworks.values import Auth, RawRequest, Route


def make_route(method="POST", template="/api/{endpoint}/v{version}", auth=Auth.KEY, operation="call", most=1000):
    return Route(method, template, auth, operation, most)


TABLE = (
    make_route(),
    make_route("GET", operation="describe"),
    make_route("GET", "/api", operation="list"),
    make_route("GET", "/health/live", Auth.PUBLIC, "live"),
    make_route("GET", "/admin/subjects/{subject}", Auth.ADMIN, "subject"),
    make_route("DELETE", "/admin/subjects/{subject}", Auth.ADMIN, "erase"),
    make_route("GET", "/api/jobs/{id}", operation="job"),
    make_route("GET", "/api/{endpoint}/v{version}/jobs", operation="jobs"),
)


def make_raw(path="/api/x/v1", method="POST", body=b""):
    return RawRequest("id", method, path, "", {}, body, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("method", "path", "operation", "params"),
    [
        ("POST", "/api/fraud-risk/v12", "call", {"endpoint": "fraud-risk", "version": "12"}),
        ("GET", "/api/fraud-risk/v12", "describe", {"endpoint": "fraud-risk", "version": "12"}),
        ("GET", "/api", "list", {}),
        ("GET", "/health/live", "live", {}),
        ("DELETE", "/admin/subjects/a_B-9", "erase", {"subject": "a_B-9"}),
        ("GET", "/api/jobs/v1", "job", {"id": "v1"}),
        ("GET", "/api/a/v1/jobs", "jobs", {"endpoint": "a", "version": "1"}),
    ],
)
def test_a_request_takes_the_most_specific_route(method, path, operation, params):
    routes = Routes(TABLE)
    for _ in range(2):
        matched = arrive(make_raw(path, method), routes)

        assert (matched.route.operation, dict(matched.params)) == (operation, params)


@pytest.mark.parametrize(
    "path",
    [
        "/", "", "/ap", "/api/", "/api//v1", "/api/x", "/api/x/v", "/api/x/v0", "/api/x/v01", "/api/x/v1/", "/api/x/v1/ws",
        "/api/x/v1234567890", "/api/" + "a" * 65 + "/v1", "/api/x.y/v1", "/api/x%41/v1", "/api/x\u0661/v1", "/api/x/v\u0661",
        "/health/live/", "/health", "/admin/subjects/", "/admin/subjects/a/b", "/API/x/v1",
    ],
)  # fmt: skip
def test_a_path_outside_the_table_or_its_grammar_is_not_found(path):
    with pytest.raises(NotFound):
        arrive(make_raw(path), Routes(TABLE))


@pytest.mark.parametrize(("path", "is_told"), [("/api/mood", True), ("/api/mood/", True), ("/api/mood/v0", False)])
def test_a_path_without_a_version_is_told_to_name_one(path, is_told):
    with pytest.raises(NotFound) as caught:
        arrive(make_raw(path), Routes(TABLE))

    assert ("/api/ENDPOINT/v1" in caught.value.detail) is is_told


def test_a_method_that_is_not_there_is_405_with_what_is():
    with pytest.raises(MethodNotAllowed) as caught:
        arrive(make_raw(method="DELETE"), Routes(TABLE))

    assert caught.value.headers == (("Allow", "GET, HEAD, POST"),)


def test_head_takes_the_route_of_get():
    assert arrive(make_raw("/health/live", "HEAD"), Routes(TABLE)).route.method == "GET"


def test_a_body_above_the_routes_bound_is_refused():
    routes = Routes(TABLE)
    arrive(make_raw(body=b"x" * 1000), routes)

    with pytest.raises(BodyTooLarge):
        arrive(make_raw(body=b"x" * 1001), routes)


@pytest.mark.parametrize("auth", [None, "", "key", True])
def test_a_table_with_a_route_that_declares_no_auth_is_not_built(auth):
    with pytest.raises(ConfigurationRefused, match="declares no auth"):
        Routes([make_route(auth=auth)])


@pytest.mark.parametrize(
    "template", ["api", "/api/", "//", "/{a}/b", "/a/{b", "/a/{b}/{b}", "/a b", "/a/{B}", "/a/%41"]
)
def test_a_template_that_cannot_be_read_is_refused(template):
    with pytest.raises(ConfigurationRefused):
        Routes([make_route(template=template)])


def test_a_route_that_stands_twice_is_refused():
    with pytest.raises(ConfigurationRefused, match="twice"):
        Routes([make_route(), make_route()])


def test_paths_of_calls_are_remembered_within_a_bound_and_no_others():
    routes = Routes([make_route(), make_route("GET", "/admin/subjects/{subject}", Auth.ADMIN, "subject")])
    for number in range(3000):
        routes.match("POST", f"/api/e{number}/v1")
        routes.match("GET", f"/admin/subjects/s{number}")

    assert 0 < len(routes._known) <= 1024
    assert not any("subjects" in path for path in routes._known)


@given(st.text(max_size=40))
def test_any_path_is_matched_or_not_found(tail):
    routes = Routes(TABLE)
    try:
        matched = routes.match("POST", "/api/" + tail)
    except (NotFound, MethodNotAllowed):
        return

    assert matched.route.operation == "call"
    assert tail.isascii()
