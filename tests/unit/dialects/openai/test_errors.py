"""Errors in OpenAI's words: every one of ours has its place, and a client never tries again in vain."""

import json

import pytest

from headworks import errors
from headworks.dialects.anthropic import errors as anthropic_errors
from headworks.dialects.openai.errors import dotted, refusal
from headworks.dialects.openai.fields import duration, rate_fields
from headworks.errors import FieldError, HeadworksError, RateLimited, SchemaViolation
from headworks.values import Quota
from tests.unit.dialects.chunks import REQUEST_ID

EVERY_ERROR = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, HeadworksError) and each.status < 600
]


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_every_error_has_a_type_and_never_tells_its_reason(kind):
    ours = refusal(kind(reason="secret"), REQUEST_ID, "/v1/models")
    theirs = anthropic_errors.refusal(kind(reason="secret"), REQUEST_ID, "/v1/messages")
    body, other = json.loads(ours.body)["error"], json.loads(theirs.body)

    assert ours.status == theirs.status == kind.status
    assert body["type"].endswith(("_error", "insufficient_quota"))
    assert isinstance(body["code"], str)
    assert other["error"]["type"].endswith(("_error", "request_too_large"))
    assert other["request_id"] == dict(theirs.headers)["request-id"] == REQUEST_ID
    assert b"secret" not in ours.body + theirs.body


@pytest.mark.parametrize("kind", [each for each in EVERY_ERROR if each.status in {408, 409, 429} or each.status >= 500])
def test_a_client_is_told_not_to_come_back_exactly_where_it_would_be_in_vain(kind):
    headers = dict(refusal(kind(), REQUEST_ID, "/").headers)

    assert ("x-should-retry" in headers) is not kind.retryable


@pytest.mark.parametrize(
    ("wait_s", "seconds", "milliseconds", "is_refused"),
    [(0.0205, "1", "21", False), (1.5, "2", "1500", False), (60.0, "60", "60000", False), (61.0, "61", "61000", True)],
)
def test_when_to_come_back_is_told_in_both_units(wait_s, seconds, milliseconds, is_refused):
    headers = dict(refusal(RateLimited(retry_after_s=wait_s), REQUEST_ID, "/").headers)

    assert (headers["Retry-After"], headers["retry-after-ms"]) == (seconds, milliseconds)
    assert (headers.get("x-should-retry") == "false") is is_refused


def test_each_wrong_field_is_named_and_the_first_is_the_param():
    wrong = (
        FieldError("/messages/0/content", "is required"),
        FieldError("/a~1b", "is wrong"),
        FieldError("", "is odd"),
    )
    body = json.loads(refusal(SchemaViolation(errors=wrong), REQUEST_ID, "/").body)["error"]

    assert body["param"] == "messages[0].content"
    assert body["message"].endswith("messages[0].content is required; a/b is wrong; the body is odd")


def test_a_pointer_is_written_as_openai_does():
    assert dotted("/tools/3/function/name") == "tools[3].function.name"
    assert dotted("") == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.02, "20ms"), (1.0, "1s"), (59.2, "1m0s"), (60, "1m0s"), (360, "6m0s"), (3661, "1h1m1s")],
)
def test_a_duration_is_written_as_openai_does(seconds, text):
    assert duration(seconds) == text


def test_the_quota_that_ends_first_is_told():
    quotas = (Quota("key", 100, 60.0, 50, 1.0), Quota("chat/v1", 10, 1.0, 3, 0.5))

    assert dict(rate_fields(quotas)) == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-reset-requests": "500ms",
    }
    assert rate_fields(()) == ()
