"""Calls through the whole path, as a client sees them, through every edge."""

import pytest

from tests.talking import Talk


def test_a_call_is_answered_with_the_facts_of_the_call(called):
    answer = called.call("/api/sum/v2", {"x": [1, 2]})

    assert (answer.status, answer.json) == (200, {"total": 3.0})
    assert len(answer.headers["x-request-id"]) == 26
    assert answer.headers["headworks-target"] == "sum"
    assert answer.headers["cache-control"] == "no-store"
    assert "model;dur=" in answer.headers["server-timing"]


def test_an_array_of_inputs_is_answered_with_an_array(called):
    assert called.call("/api/sum/v2", [{"x": [1]}, {"x": [2]}]).json == [{"total": 1.0}, {"total": 2.0}]


def test_a_function_is_a_model(called):
    assert called.call("/api/shout/v1", "abc").json == "ABC"


def test_an_asynchronous_model_answers(called):
    assert called.call("/api/later/v1", {"x": [0.01]}).json == {"total": 0.01}


def test_the_key_is_accepted_in_both_headers(called):
    assert called.call("/api/echo/v1", {"text": "a"}, key="", headers={"X-API-Key": called.key}).status == 200


@pytest.mark.parametrize(
    ("path", "document", "more", "status", "code"),
    [
        ("/api/sum/v2", {"x": []}, {}, 422, "schema_violation"),
        ("/api/sum/v2", {"y": 1}, {}, 422, "schema_violation"),
        ("/api/sum/v2", None, {"body": b"{"}, 400, "not_json"),
        ("/api/sum/v2", None, {"body": b'{"x":[1],"x":[2]}'}, 400, "not_json"),
        ("/api/sum/v2", None, {"body": b'{"x":[NaN]}'}, 400, "not_json"),
        ("/api/sum/v2", None, {"body": b"[" * 100 + b"]" * 100}, 400, "not_json"),
        (
            "/api/sum/v2",
            None,
            {"body": b"a=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            415,
            "unsupported_media_type",
        ),
        ("/api/sum/v2", {"x": [1]}, {"headers": {"Accept": "image/png"}}, 406, "not_acceptable"),
        ("/api/sum/v2", {"x": [1]}, {"key": ""}, 401, "unauthenticated"),
        ("/api/sum/v2", {"x": [1]}, {"key": "hw_live_nonsense"}, 401, "unauthenticated"),
        ("/api/sum/v3", {"x": [1]}, {}, 410, "version_gone"),
        ("/api/sum/v9", {"x": [1]}, {}, 404, "not_found"),
        ("/api/none/v1", {"x": [1]}, {}, 404, "not_found"),
        ("/api/sum/v2", None, {"method": "DELETE"}, 405, "method_not_allowed"),
        ("/api/small/v1", {"text": "a" * 2000}, {}, 413, "body_too_large"),
        ("/api/poison/v1", {"text": "raise"}, {}, 502, "model_error"),
        ("/api/liar/v1", {"text": "lie"}, {}, 502, "contract_violation"),
        ("/mcp", {}, {}, 501, "not_built"),
        ("/api/sum/v2?api_key=x", {"x": [1]}, {}, 400, "malformed_request"),
    ],
)
def test_a_refusal_is_a_problem_document_that_names_the_fault(called, path, document, more, status, code):
    answer = called.call(path, document, **more)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == code
    assert isinstance(answer.json["error"], str)
    assert answer.json["request_id"] == answer.headers["x-request-id"]


def test_a_schema_error_points_at_each_field(called):
    errors = called.call("/api/sum/v2", [{"x": [1]}, {"x": ["a"], "z": 1}]).json["errors"]

    assert {error["pointer"] for error in errors} == {"/1/x/0", "/1/z"}


def test_nothing_of_the_models_own_text_reaches_the_caller(called):
    assert b"secret-of-the-model" not in called.call("/api/poison/v1", {"text": "raise"}).body


def test_one_bad_row_among_many_fails_alone(called):
    assert called.call("/api/poison/v1", {"text": "fine"}).status == 200


def test_a_failed_target_is_followed_by_the_next_and_the_caller_is_told(called):
    answer = called.call("/api/rescued/v1", {"text": "raise"})

    assert (answer.status, answer.json) == (200, {"text": "raise"})
    assert answer.headers["headworks-degraded"] == "fallback"


def test_a_hung_target_leaves_the_next_one_its_share_of_the_time(called):
    answer = called.call("/api/rescued/v1", {"text": "sleep 3"})

    assert answer.status == 200
    assert answer.headers["headworks-target"] == "spare"


def test_a_call_behind_a_busy_model_is_answered_as_soon_as_that_is_free(served):
    """The caller of the first gives up and is served by another target; the model itself goes on, and takes the next."""
    served.until(
        lambda: served.metric("headworks_model_running_calls", model="poison") == 0
    )  # another test may have hung it
    with Talk(served.port, served.key) as first, Talk(served.port, served.key) as second:
        first.ask("/api/rescued/v1", {"text": "sleep 2.5"})
        served.until(lambda: served.metric("headworks_model_running_calls", model="poison") == 1)
        second.ask("/api/poison/v1", {"text": "raise"})
        rescued, behind = first.answer(), second.answer()

    assert (rescued.status, rescued.headers["headworks-target"]) == (200, "spare")
    assert (behind.status, behind.json["code"]) == (502, "model_error")


def test_weighted_targets_share_the_calls(called):
    targets = {called.call("/api/split/v1", {"text": str(n)}).headers["headworks-target"] for n in range(40)}

    assert targets == {"echo", "spare"}


def test_the_callers_own_deadline_ends_its_wait(called):
    answer = called.call("/api/later/v1", {"x": [5.0]}, headers={"X-Deadline-Ms": "100"})

    assert (answer.status, answer.json["code"]) == (504, "deadline_exceeded")


def test_a_deprecated_version_says_so_and_names_its_successor(called):
    headers = called.call("/api/sum/v1", {"x": [1]}).headers

    assert headers["deprecation"].startswith("@")
    assert headers["sunset"].endswith("2099 00:00:00 GMT")
    assert headers["link"] == '</api/sum/v3>; rel="successor-version"'


def test_an_endpoints_rate_is_kept_and_told(called):
    answers = [called.call("/api/limited/v1", {"x": [1]}) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit"].startswith('"limited/v1";r=1')
    assert 0 < int(answers[2].headers["retry-after"]) <= 1801


def test_events_come_one_by_one_and_the_end_is_told(called):
    answer = called.call("/api/count/v1", {"x": [1, 2]}, headers={"Accept": "text/event-stream"})

    assert answer.body == b'data: {"total":1.0}\n\ndata: {"total":2.0}\n\nevent: end\ndata: {}\n\n'


def test_a_stream_asked_for_as_json_is_one_array(called):
    assert called.call("/api/ticks/v1", {"x": [1, 2]}).json == [{"total": 1.0}, {"total": 2.0}]


def test_a_stream_that_fails_midway_ends_with_a_problem(called):
    body = called.call("/api/count/v1", {"x": [1, -1]}, headers={"Accept": "text/event-stream"}).body

    assert body.startswith(b'data: {"total":1.0}\n\nevent: error\ndata: {')
    assert b'"code":"model_error"' in body


def test_an_idempotent_call_is_replayed_and_another_body_refused(called):
    key = {"Idempotency-Key": "order-17"}
    first = called.call("/api/echo/v1", {"text": "a"}, headers=key)
    again = called.call("/api/echo/v1", {"text": "a"}, headers=key)
    other = called.call("/api/echo/v1", {"text": "b"}, headers=key)

    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["headworks-original-request-id"] == first.headers["x-request-id"]
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")


def test_a_failed_call_may_be_tried_again_under_its_key(called):
    key = {"Idempotency-Key": "order-18"}
    first = called.call("/api/poison/v1", {"text": "raise"}, headers=key)
    again = called.call("/api/poison/v1", {"text": "raise"}, headers=key)

    assert (first.status, again.status) == (502, 502)
    assert "idempotency-replayed" not in again.headers


def test_the_pages_of_a_configured_origin_may_call_and_no_other(called):
    ask = {"Origin": "http://localhost:8080", "Access-Control-Request-Method": "POST"}
    preflight = called.call("/api/sum/v2", method="OPTIONS", key="", headers=ask)
    allowed = called.call("/api/sum/v2", {"x": [1]}, headers={"Origin": "http://localhost:8080"})
    refused = called.call("/api/sum/v2", {"x": [1]}, headers={"Origin": "http://evil.example"})

    assert preflight.status == 204
    assert {"Authorization", "Cache-Control"} <= set(preflight.headers["access-control-allow-headers"].split(", "))
    assert "Headworks-Cache" in allowed.headers["access-control-expose-headers"].split(", ")
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:8080"
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/api/sum/v2", {"headers": {"Content-Length": "99999999999"}, "body": b""}, 413),
        ("/api/sum/v2", {"headers": {"Content-Encoding": "br"}, "body": b"{}"}, 415),
        ("/api/sum/v2", {"headers": {"Host": "evil.example"}, "body": b"{}"}, 421),
        ("/api/../secret", {"body": b"{}"}, 400),
        ("/api/sum/v2?" + "q" * 9000, {"body": b"{}"}, 414),
        ("/api/sum/v2", {"key": "wrong", "headers": {"Expect": "100-continue"}, "body": b"{}"}, 401),
    ],
)
def test_a_page_can_read_why_a_guard_refused_it(called, path, more, status):
    answers = []
    for origin in ("http://localhost:8080", "http://evil.example"):
        asked = {**more, "headers": {"Origin": origin, **more.get("headers", {})}}
        answers.append(called.call(path, **asked))

    assert [answer.status for answer in answers] == [status, status]
    assert answers[0].headers["access-control-allow-origin"] == "http://localhost:8080"
    assert answers[0].headers["vary"] == "Origin"
    assert "Retry-After" in answers[0].headers["access-control-expose-headers"].split(", ")
    assert answers[0].json["status"] == status
    assert not [name for name in answers[1].headers if name.startswith("access-control-")]


def test_a_page_may_use_vendors_clients_which_add_headers_of_their_own(called):
    asked = "anthropic-version, X-Stainless-OS, x-api-key, cache-control, x-evil, Host"
    ask = {"Origin": "http://localhost:8080", "Access-Control-Request-Method": "DELETE"}
    answer = called.call(
        "/v1/messages", method="OPTIONS", key="", headers={**ask, "Access-Control-Request-Headers": asked}
    )
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}

    assert {"anthropic-version", "x-stainless-os", "cache-control", "x-api-key", "authorization"} <= allowed
    assert not {"x-evil", "host"} & allowed
    assert "DELETE" in answer.headers["access-control-allow-methods"]


def test_health_needs_no_key(called):
    assert called.get("/health/live", key="").json == {"status": "live"}
    assert called.get("/health/ready", key="").json["status"] == "ready"


def test_metrics_are_open_to_this_machine_only(served):
    assert b"headworks_requests_total" in served.get("/metrics", key="").body
    assert served.get("/metrics", key="", headers={"X-Forwarded-For": "10.0.0.1"}).status == 401


def test_connections_are_gauges_by_what_they_do(called, request):
    key = called.cli("keys", "create", "scraper", "--scope", "admin")["key"]
    with Talk(called.port, called.key) as talk:
        talk.call("/health/live", method="GET")
        page = called.get("/metrics", key=key).body.decode()
    gauges = dict(line.rsplit(" ", 1) for line in page.splitlines() if line.startswith("headworks_connections"))

    assert "# TYPE headworks_connections gauge" in page
    assert float(gauges.pop('headworks_connections{state="websocket"}')) == 0
    if "headworks serve" not in request.node.name:
        assert gauges == {}
        return
    assert float(gauges['headworks_connections{state="idle"}']) >= 1
    assert float(gauges['headworks_connections{state="running"}']) >= 1
    assert float(gauges["headworks_connections_bound"]) == 4096
    assert float(gauges["headworks_connections_refused_total"]) == 0
    assert "# TYPE headworks_connections_refused_total counter" in page


def test_a_large_body_is_read_off_the_loop(called):
    answer = called.call("/api/echo/v1", {"text": "a" * 1_000_000})

    assert len(answer.json["text"]) == 1_000_000
