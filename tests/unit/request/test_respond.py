"""Outcomes and errors into replies."""

import json
from email.utils import parsedate_to_datetime
from typing import Any

import jsonschema_rs
import pytest

from headworks import errors
from headworks.contract.problem import PROBLEM_SCHEMA
from headworks.dialects.native.way import Native
from headworks.errors import FieldError, HeadworksError, RateLimited, SchemaViolation, Unauthenticated
from headworks.pending import Pending
from headworks.recording import Replay
from headworks.request.respond import problem, replayed, respond, streamed
from headworks.units import RequestId
from headworks.values import (
    Admission,
    Auth,
    Call,
    Caller,
    Endpoint,
    Grant,
    Outcome,
    Payload,
    Quota,
    Reply,
    TargetChoice,
)
from tests.unit.contracts import make_contract, make_endpoint

RID = RequestId("r-1")
NATIVE = Native()
BODY = b'{"label":"good","score":0.5}'


def make_grant(
    endpoint: Endpoint | None = None,
    media: str = "application/json",
    payload: Payload | None = None,
    key: Quota | None = None,
    quotas: tuple[Quota, ...] = (),
) -> Grant:
    call = Call(endpoint or make_endpoint(), payload or Payload(b"{}"), media, 0)
    return Grant(Admission(Caller("k", "n", Auth.KEY), key), call, quotas)


def make_outcome(body: bytes = BODY, **facts: Any) -> Outcome:
    return Outcome(body, facts.pop("target", "model"), facts.pop("model_version", "sha256-1"), **facts)


def head(reply: Reply) -> dict[str, str]:
    assert len({name for name, _ in reply.headers}) == len(reply.headers)
    return dict(reply.headers)


def test_a_json_answer_is_sent_as_the_target_gave_it() -> None:
    reply = respond(make_grant(), make_outcome(queue_ns=1_500_000, run_ns=20_000, batch_rows=3), RID, NATIVE)

    assert (reply.status, reply.body) == (200, BODY)
    assert head(reply) == {
        "Content-Type": "application/json",
        "X-Request-Id": "r-1",
        "Headworks-Target": "model",
        "Headworks-Model": "model",
        "Headworks-Version": "sha256-1",
        "Server-Timing": "queue;dur=1.500, model;dur=0.020;desc=rows-3",
        "Cache-Control": "no-store",
    }


def test_a_table_is_written_where_csv_was_asked_for() -> None:
    one = respond(make_grant(media="text/csv"), make_outcome(), RID, NATIVE)
    rows = respond(
        make_grant(media="text/csv", payload=Payload(b"[]", (), 2, True)), make_outcome(b"[%s]" % BODY), RID, NATIVE
    )
    streaming = make_endpoint(make_contract(is_stream=True))
    events = respond(make_grant(streaming, "text/csv"), make_outcome(b"[%s]" % BODY), RID, NATIVE)

    assert one.body == rows.body == events.body == b"label,score\r\ngood,0.5\r\n"
    assert head(one)["Content-Type"].startswith("text/csv")


def test_what_an_application_answers_is_passed_on() -> None:
    outcome = make_outcome(b"<p>", media="text/html", status=404, headers=(("X-App", "1"),))

    reply = respond(make_grant(media="text/csv"), outcome, RID, NATIVE)

    assert (reply.status, reply.body, head(reply)["Content-Type"], head(reply)["X-App"]) == (
        404,
        b"<p>",
        "text/html",
        "1",
    )


def test_what_is_left_of_each_rate_is_told() -> None:
    key, own = Quota("key", 50, 1.0, 49, 0.02), Quota('a"b', 100, 60.0, 9, 1.5)

    headers = head(respond(make_grant(key=key, quotas=(own,)), make_outcome(), RID, NATIVE))

    assert headers["RateLimit"] == '"key";r=49;t=1, "a\\"b";r=9;t=2'
    assert headers["RateLimit-Policy"] == '"key";q=50;w=1, "a\\"b";q=100;w=60'


def test_a_deprecated_version_says_since_when_until_when_and_what_follows() -> None:
    endpoint = make_endpoint(
        deprecated_wall_s=1_796_083_200.0, sunset_wall_s=1_811_894_400.0, successor="/api/score/v2"
    )

    headers = head(respond(make_grant(endpoint), make_outcome(), RID, NATIVE))

    assert headers["Deprecation"] == "@1796083200"
    assert parsedate_to_datetime(headers["Sunset"]).timestamp() == 1_811_894_400
    assert headers["Sunset"].endswith("GMT")
    assert headers["Link"] == '</api/score/v2>; rel="successor-version"'


def test_a_current_version_has_no_link_although_another_follows() -> None:
    assert "Link" not in head(
        respond(make_grant(make_endpoint(successor="/api/score/v2")), make_outcome(), RID, NATIVE)
    )


def test_an_answer_of_a_fallback_is_degraded() -> None:
    assert (
        head(respond(make_grant(), make_outcome(target="openai/gpt"), RID, NATIVE))["Headworks-Degraded"] == "fallback"
    )
    assert head(respond(make_grant(), make_outcome(target="openai/gpt"), RID, NATIVE))["Headworks-Model"] == "gpt"


def test_an_answer_of_a_weighted_target_is_not() -> None:
    endpoint = make_endpoint()
    weighted = Endpoint("score", 1, endpoint.contract, (TargetChoice("a", 90), TargetChoice("b", 10)))

    assert "Headworks-Degraded" not in head(respond(make_grant(weighted), make_outcome(target="b"), RID, NATIVE))


def test_a_models_version_cannot_break_the_head() -> None:
    reply = respond(make_grant(), make_outcome(model_version="1\r\nSet-Cookie: a=b\u00e9"), RID, NATIVE)

    assert head(reply)["Headworks-Version"] == "1-Set-Cookie:-a=b-"


def test_a_stream_has_the_same_head() -> None:
    class Two:
        def next(self) -> Pending[bytes | None]:
            return Pending()

        def abandon(self) -> None:
            return None

    chunks = Two()

    reply = streamed(make_grant(), make_outcome(b""), RID, NATIVE, chunks)

    assert reply.chunks is chunks
    assert head(reply)["Content-Type"] == "text/event-stream"
    assert head(reply)["Headworks-Target"] == "model"


def test_a_replay_is_the_stored_answer_under_its_own_request_id() -> None:
    reply = replayed(make_grant().call, Replay(RequestId("r-0"), 200, "application/json", BODY), RID, NATIVE)

    assert reply.body == BODY
    assert head(reply)["X-Request-Id"] == "r-1"
    assert head(reply)["Headworks-Original-Request-Id"] == "r-0"


ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HeadworksError)]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_a_problem_document(kind: type[HeadworksError]) -> None:
    reply = problem(kind("What to do.", reason="only for the log"), RID, "/api/score/v1")
    document = json.loads(reply.body)

    jsonschema_rs.validate(PROBLEM_SCHEMA, document)
    assert document["status"] == reply.status == kind.status
    assert document["code"] == kind.code
    assert isinstance(document["error"], str)
    assert document["request_id"] == head(reply)["X-Request-Id"] == "r-1"
    assert head(reply)["Content-Type"] == "application/problem+json"
    assert b"only for the log" not in reply.body


def test_a_problem_names_each_wrong_field() -> None:
    wrong = (FieldError("/x/0", "must be of type number"),)

    document = json.loads(problem(SchemaViolation(errors=wrong), RID, "/api").body)

    assert document["errors"] == [{"pointer": "/x/0", "message": "must be of type number"}]


@pytest.mark.parametrize(("wait_s", "told"), [(0.001, "1"), (1.0, "1"), (1.001, "2"), (0.0, "1"), (60.5, "61")])
def test_the_wait_is_rounded_up(wait_s: float, told: str) -> None:
    assert head(problem(RateLimited(retry_after_s=wait_s), RID, "/"))["Retry-After"] == told


def test_a_challenge_of_the_errors_own_is_the_only_one() -> None:
    reply = problem(Unauthenticated(headers=(("WWW-Authenticate", "Basic"),)), RID, "/")

    assert head(reply)["WWW-Authenticate"] == "Basic"


def test_a_401_says_how_to_authenticate_and_errors_bring_their_own_headers() -> None:
    reply = problem(Unauthenticated(headers=(("X-Own", "1"),)), RID, "/")

    assert head(reply)["WWW-Authenticate"].startswith("Bearer")
    assert head(reply)["X-Own"] == "1"
