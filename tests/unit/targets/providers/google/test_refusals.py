import json

import pytest
from google.rpc.code_pb2 import Code

from headworks.errors import (
    ContextTooLong,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)
from headworks.targets.providers.google.refusals import CODES, failure
from headworks.targets.providers.wire import HttpResponse
from tests.unit.targets.providers.vendor_google import refusal


def older(status, reason):
    body = {"error": {"code": status, "message": "x", "errors": [{"domain": "usageLimits", "reason": reason}]}}
    return HttpResponse(status, {}, json.dumps(body).encode())


def test_every_code_the_vendor_knows_is_in_the_table():
    assert {number: name for number, (name, _) in CODES.items()} == {
        number: name for name, number in Code.items() if name != "OK"
    }


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (refusal(400, "INVALID_ARGUMENT"), ProviderRefused),
        (refusal(400, "INVALID_ARGUMENT", "API_KEY_INVALID"), ProviderKeyRejected),
        (refusal(403, "PERMISSION_DENIED", "SERVICE_DISABLED"), ProviderKeyRejected),
        (refusal(401, "UNAUTHENTICATED"), ProviderKeyRejected),
        (refusal(404, "NOT_FOUND"), ProviderError),
        (refusal(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"), ProviderBusy),
        (refusal(503, "UNAVAILABLE"), ProviderBusy),
        (refusal(500, "INTERNAL"), ProviderDown),
        (refusal(504, "DEADLINE_EXCEEDED"), ProviderTimeout),
        (older(403, "userRateLimitExceeded"), ProviderBusy),
        (older(403, "dailyLimitExceeded"), ProviderBusy),
        (older(400, "keyInvalid"), ProviderKeyRejected),
        (older(413, "uploadTooLarge"), ContextTooLong),
        (HttpResponse(502, {}, b"<html>"), ProviderDown),
        (HttpResponse(418, {}, b"\xff"), ProviderRefused),
    ],
)
def test_an_error_means_what_its_reason_or_status_says(response, kind):
    assert type(failure(response)) is kind


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [("3.5s", 3.5), ("9" * 400 + "s", None), ("9" * 20 + "s", 86_400.0), ("-1s", None), ("soons", None)],
)
def test_when_to_come_back_is_read_from_the_details(said, wait_s):
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": said}]
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}}

    assert failure(HttpResponse(429, {}, json.dumps(body).encode())).retry_after_s == wait_s


def test_words_about_a_refused_credential_are_not_even_logged():
    caught = failure(refusal(400, "INVALID_ARGUMENT", "API_KEY_INVALID", message="key AIza123 is bad"))

    assert "AIza123" not in caught.reason + str(caught)
