"""What is sent for each thing that is done with what an account keeps, at OpenAI and at Azure; and what refusals mean."""

import pytest
from msgspec import json

from headworks.errors import (
    BodyTooLarge,
    NotFound,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
)
from headworks.secret import Secret
from headworks.targets.providers.kinds import bound
from headworks.targets.providers.proof import prove_failure, prove_reply, prove_request
from headworks.targets.providers.wire import Ask, HttpResponse, ProviderSettings

OPENAI = {"openai": ProviderSettings("openai", "openai", keys=(Secret("k"),))}
ADDRESS = "https://me.openai.azure.com"
AZURE = {"azure": ProviderSettings("azure", "azure", ADDRESS, (Secret("k"),))}
DATED = {"azure": ProviderSettings("azure", "azure", ADDRESS, (Secret("k"),), {"api_version": "2024-10-21"})}
BODY = {"input_file_id": "file-1", "endpoint": "/v1/x", "completion_window": "24h", "metadata": {"a": [1, 2.50]}}
SHELVES = {
    "files": "/files",
    "batches": "/batches",
    "fine-tuning": "/fine_tuning/jobs",
    "stored-responses": "/responses",
}
ACTS = [
    *((task, "retrieve", {}, "GET", "/x-1") for task in SHELVES),
    ("files", "content", {}, "GET", "/x-1/content"),
    ("files", "delete", {}, "DELETE", "/x-1"),
    ("batches", "cancel", {}, "POST", "/x-1/cancel"),
    *(("fine-tuning", act, {}, "POST", f"/x-1/{act}") for act in ("cancel", "pause", "resume")),
    ("fine-tuning", "events", {"after": "e-1", "limit": 2}, "GET", "/x-1/events?after=e-1&limit=2"),
    ("fine-tuning", "checkpoints", {}, "GET", "/x-1/checkpoints"),
    ("stored-responses", "input_items", {"order": "asc"}, "GET", "/x-1/input_items?order=asc"),
    ("stored-responses", "delete", {}, "DELETE", "/x-1"),
]


def operation(settings, task):
    (name,) = settings
    return bound(settings, f"{name}/{task}", task).operation


def ask(**document):
    return Ask(json.encode(document))


@pytest.mark.parametrize(("task", "action", "more", "method", "below"), ACTS)
@pytest.mark.parametrize(
    ("settings", "before", "after"),
    [(OPENAI, "", ""), (AZURE, "/openai/v1", ""), (DATED, "/openai", "?api-version=2024-10-21")],
)
def test_each_act_has_its_method_and_path(settings, before, after, task, action, more, method, below):
    request = prove_request(operation(settings, task), ask(action=action, id="x-1", **more))
    path, _, query = below.partition("?")
    joined = "&".join(part for part in (after[1:], query) if part)

    assert (request.method, request.body) == (method, b"")
    assert request.path == before + SHELVES[task] + path + (f"?{joined}" if joined else "")


def test_a_body_goes_out_as_it_came():
    sent = b'{"action": "create", "body": {"input_file_id":"file-1",  "metadata": {"a": 2.50}}}'
    request = prove_request(operation(OPENAI, "batches"), Ask(sent))

    assert (request.method, request.path) == ("POST", "/batches")
    assert request.body == b'{"input_file_id":"file-1",  "metadata": {"a": 2.50}}'


@pytest.mark.parametrize("name", ['a"b', "a\r\nX: y", "\0", "ü" * 10, "../../x"])
def test_a_files_name_stays_within_its_quotes(name):
    document = json.encode({"action": "create", "purpose": "batch", "filename": name})
    request = prove_request(operation(OPENAI, "files"), Ask(document, (("file", b"x"),)))
    head = request.body.split(b'name="file"; filename="')[1]

    assert head.split(b'"')[1].startswith(b"\r\ncontent-type: application/octet-stream\r\n\r\nx\r\n--")
    assert b"\r\nX: y" not in request.body


def test_an_answer_is_the_vendors_document():
    files = operation(OPENAI, "files")
    document = b'{"id":"file-1",  "object":"file"}'

    assert prove_reply(files, ask(action="retrieve", id="x"), HttpResponse(200, {}, document)).document == document


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (404, {"message": "No such File object: file-1", "code": None, "param": "id"}, NotFound),
        (410, {}, NotFound),
        (409, {"message": "Cannot cancel a batch with status 'completed'."}, ProviderRefused),
        (400, {"message": "no", "code": "invalid_file"}, ProviderRefused),
        (400, {"message": "no", "code": "model_not_found"}, ProviderRefused),
        (413, {}, BodyTooLarge),
        (401, {"code": "invalid_api_key"}, ProviderKeyRejected),
        (404, {"code": "invalid_api_key"}, ProviderKeyRejected),
        (429, {"code": "rate_limit_exceeded"}, ProviderBusy),
        (400, {"code": "billing_hard_limit_reached"}, ProviderKeyRejected),
        (500, {"code": "server_error"}, ProviderDown),
    ],
)
def test_a_refusal_is_the_callers_where_it_is_about_the_thing(status, error, kind):
    response = HttpResponse(status, {}, json.encode({"error": error}))

    prove_failure(operation(OPENAI, "batches"), response, kind)
