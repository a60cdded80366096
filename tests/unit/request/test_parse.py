"""Bytes into a Call, or an error that names the field."""

import json
from base64 import b64encode
from typing import Any

import pytest

from headworks.dialects.native.way import Native
from headworks.errors import (
    BodyTooLarge,
    HeadworksError,
    Malformed,
    NotAcceptable,
    NotJson,
    SchemaViolation,
    UnsupportedMedia,
)
from headworks.request.parse import OFF_LOOP_BYTES, parse, parse_size_hint
from headworks.values import Payload
from tests.unit.contracts import (
    BASE64,
    NUMBERS,
    PERSON,
    PHOTO,
    PICTURE,
    form,
    make_contract,
    make_endpoint,
    make_raw,
)
from tests.unit.dialects.pictures import png

NATIVE = Native()

PNG = png(4, 4)
TEXT = {"type": "string", "minLength": 2}
BATCH = make_endpoint(make_contract(NUMBERS, is_batch=True))
SINGLE = make_endpoint(make_contract(NUMBERS))
PEOPLE = make_endpoint(make_contract(PERSON, is_batch=True))
PHOTOS = make_endpoint(make_contract(PHOTO, is_batch=True))


def refused(error: type[HeadworksError], raw: Any, endpoint: Any) -> HeadworksError:
    with pytest.raises(error) as caught:
        parse(raw, endpoint, NATIVE, 0)
    return caught.value


def pointers(error: HeadworksError) -> list[str]:
    return [wrong.pointer for wrong in error.errors]


def test_a_json_body_is_handed_on_as_it_came() -> None:
    body = b' {"x": [1.0, 2e0 ]}\n'

    call = parse(make_raw(body), BATCH, NATIVE, 0)

    assert call.payload == Payload(body)
    assert call.endpoint is BATCH
    assert call.reply_media == "application/json"


def test_an_array_of_inputs_is_many_rows() -> None:
    assert parse(make_raw([{"x": [1, 2]}] * 3), BATCH, NATIVE, 0).payload.rows == 3
    assert parse(make_raw([{"x": [1, 2]}]), BATCH, NATIVE, 0).payload.is_array
    assert not parse(make_raw({"x": [1, 2]}), BATCH, NATIVE, 0).payload.is_array


def test_each_wrong_row_is_named() -> None:
    rows = [{"x": [1, 2]}, {"x": [1, "2"]}, {"y": 1}, 5]

    error = refused(SchemaViolation, make_raw(rows), BATCH)

    assert sorted(pointers(error)) == ["/1/x/1", "/2/x", "/2/y", "/3"]


def test_at_most_twenty_errors_are_told() -> None:
    assert len(refused(SchemaViolation, make_raw([{"x": ["a"] * 30}] * 30), BATCH).errors) == 20


def test_an_array_for_a_single_input_is_a_schema_violation() -> None:
    assert pointers(refused(SchemaViolation, make_raw([{"x": [1, 2]}]), SINGLE)) == [""]


def test_no_rows_and_too_many_rows_are_refused() -> None:
    assert pointers(refused(SchemaViolation, make_raw([]), BATCH)) == [""]
    assert pointers(refused(SchemaViolation, make_raw([1] * 10_001), BATCH)) == [""]


def test_an_input_that_is_itself_a_list_is_one_row_when_it_fits() -> None:
    lists = make_endpoint(make_contract({"type": "array", "items": {"type": "number"}}, is_batch=True))

    assert not parse(make_raw([1, 2]), lists, NATIVE, 0).payload.is_array
    assert parse(make_raw([[1, 2], [3]]), lists, NATIVE, 0).payload.rows == 2
    assert pointers(refused(SchemaViolation, make_raw([1, "a"]), lists)) == ["/1"]
    assert pointers(refused(SchemaViolation, make_raw([[1], ["a"]]), lists)) == ["/1/0"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"x":[1,2],"x":[1,2]}', b'{"x":[NaN,1]}', b"[" * 100 + b"]" * 100])
def test_what_is_not_acceptable_json_is_400(body: bytes) -> None:
    assert refused(NotJson, make_raw(body), BATCH).status == 400


def test_a_value_is_never_coerced() -> None:
    for x in (["1", 2], [True, 2], [None, 2], "12"):
        refused(SchemaViolation, make_raw({"x": x}), BATCH)


@pytest.mark.parametrize(
    ("accept", "media"),
    [("text/csv", "text/csv"), ("text/event-stream", "text/event-stream"), ("*/*", "application/json")],
)
def test_the_answers_type_is_negotiated(accept: str, media: str) -> None:
    streaming = make_endpoint(make_contract(is_stream=True))

    assert parse(make_raw({"x": [1, 2]}, accept=accept), streaming, NATIVE, 0).reply_media == media


def test_a_type_that_cannot_be_produced_is_406() -> None:
    refused(NotAcceptable, make_raw({"x": [1, 2]}, accept="text/event-stream"), BATCH)
    lists = make_endpoint(make_contract(reply={"type": "array"}))
    refused(NotAcceptable, make_raw({"x": [1, 2]}, accept="text/csv"), lists)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "Application/JSON"])
def test_json_is_known_by_its_content_type(content_type: str) -> None:
    assert parse(make_raw({"x": [1, 2]}, content_type=content_type), BATCH, NATIVE, 0).payload.rows == 1


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/csv; charset=latin-1",
        "application/xml",
        "image/png",
        "json",
    ],
)
def test_another_content_type_is_415(content_type: str) -> None:
    refused(UnsupportedMedia, make_raw({"x": [1, 2]}, content_type=content_type), BATCH)


def test_a_text_may_be_sent_as_plain_text_and_the_refusal_of_others_says_so() -> None:
    text = make_endpoint(make_contract({"type": "string"}))
    error = refused(UnsupportedMedia, make_raw(b"hello", content_type="application/xml"), text)

    assert parse(make_raw(b"hello", content_type="text/plain"), text, NATIVE, 0).payload.document == b'"hello"'
    assert error.detail == "Send application/json, text/plain."


def test_urlencoded_says_what_to_add_to_curl() -> None:
    error = refused(UnsupportedMedia, make_raw(b"{}", content_type="application/x-www-form-urlencoded"), BATCH)

    assert "-H 'Content-Type" in error.detail


def test_csv_rows_become_an_array_of_typed_inputs() -> None:
    body = b"name,age,member\nJane,44,true\nJohn,5,\n"

    payload = parse(make_raw(body, content_type="text/csv"), PEOPLE, NATIVE, 0).payload

    assert json.loads(payload.document) == [{"name": "Jane", "age": 44, "member": True}, {"name": "John", "age": 5}]
    assert (payload.rows, payload.is_array) == (2, True)


def test_a_wrong_cell_is_named_by_row_and_column() -> None:
    error = refused(SchemaViolation, make_raw(b"name,age\nJane,old\nJohn,\n", content_type="text/csv"), PEOPLE)

    assert pointers(error) == ["/0/age", "/1/age"]


def test_csv_for_a_single_input_is_one_row() -> None:
    person = make_endpoint(make_contract(PERSON))

    payload = parse(make_raw(b"name,age\nJane,44\n", content_type="text/csv"), person, NATIVE, 0).payload

    assert json.loads(payload.document) == {"name": "Jane", "age": 44}
    assert not payload.is_array
    refused(SchemaViolation, make_raw(b"name,age\nJane,44\nJ,1\n", content_type="text/csv"), person)


def test_a_form_carries_files_beside_fields() -> None:
    body = form("B", ("image", "image/png", PNG), ("top_k", "", b"3"))

    payload = parse(make_raw(body, content_type="multipart/form-data; boundary=B"), PHOTOS, NATIVE, 0).payload

    assert payload == Payload(b'{"top_k":3}', (("image", PNG),))


def test_a_form_is_checked_like_json() -> None:
    def sent(*parts: tuple[str, str, bytes]) -> Any:
        return make_raw(form("B", *parts), content_type="multipart/form-data; boundary=B")

    assert pointers(refused(SchemaViolation, sent(("top_k", "", b"3")), PHOTOS)) == ["/image"]
    assert pointers(refused(SchemaViolation, sent(("image", "image/png", PNG), ("top_k", "", b"x")), PHOTOS)) == [
        "/top_k"
    ]
    assert pointers(refused(SchemaViolation, sent(("image", "image/png", PNG), ("other", "", b"x")), PHOTOS)) == [
        "/other"
    ]
    assert pointers(refused(UnsupportedMedia, sent(("image", "image/png", b"no picture at all")), PHOTOS)) == ["/image"]
    refused(Malformed, make_raw(b"", content_type="multipart/form-data"), PHOTOS)


def test_a_raw_picture_takes_its_fields_from_the_query() -> None:
    payload = parse(make_raw(PNG, "top_k=3", content_type="image/png"), PHOTOS, NATIVE, 0).payload

    assert payload == Payload(b'{"top_k":3}', (("image", PNG),))
    octets = parse(
        make_raw(PNG, "labels=a&labels=b", content_type="application/octet-stream"), PHOTOS, NATIVE, 0
    ).payload
    assert json.loads(octets.document) == {"labels": ["a", "b"]}


@pytest.mark.parametrize("query", ["top_k=x", "other=1", "top_k=1&top_k=2", "image=aa"])
def test_a_wrong_query_field_is_422(query: str) -> None:
    refused(SchemaViolation, make_raw(PNG, query, content_type="image/png"), PHOTOS)


@pytest.mark.parametrize("query", ["top_k=%ff", "&".join(f"a{i}=1" for i in range(65))])
def test_a_broken_query_is_400(query: str) -> None:
    refused(Malformed, make_raw(PNG, query, content_type="image/png"), PHOTOS)


def test_a_whole_binary_input_is_the_body() -> None:
    whole = make_endpoint(make_contract(PICTURE))

    assert parse(make_raw(PNG, content_type="image/png"), whole, NATIVE, 0).payload == Payload(b"null", (("", PNG),))
    assert parse(
        make_raw(form("B", ("f", "image/png", PNG)), content_type="multipart/form-data; boundary=B"), whole, NATIVE, 0
    )
    assert parse(make_raw(b64encode(PNG).decode()), whole, NATIVE, 0).payload.blobs == ()
    refused(SchemaViolation, make_raw(PNG, "a=1", content_type="image/png"), whole)
    refused(SchemaViolation, make_raw(form("B"), content_type="multipart/form-data; boundary=B"), whole)


def test_bytes_that_are_no_picture_are_not_looked_at() -> None:
    anything = make_endpoint(make_contract(BASE64))

    assert parse(make_raw(b"\0\1", content_type="audio/wav"), anything, NATIVE, 0).payload.blobs == (("", b"\0\1"),)


def test_a_picture_in_json_is_checked_by_its_head() -> None:
    good, huge = b64encode(PNG).decode(), b64encode(png(50_000, 50_000)).decode()

    assert parse(make_raw([{"image": good}] * 2), PHOTOS, NATIVE, 0).payload.rows == 2
    assert pointers(refused(BodyTooLarge, make_raw([{"image": good}, {"image": huge}]), PHOTOS)) == ["/1/image"]
    assert pointers(refused(SchemaViolation, make_raw({"image": "%%%"}), PHOTOS)) == ["/image"]


def test_plain_text_is_the_input_of_a_text_contract() -> None:
    texts = make_endpoint(make_contract(TEXT))

    assert (
        parse(make_raw('"Grüße"'.encode(), content_type="text/plain"), texts, NATIVE, 0).payload.document
        == '"\\"Grüße\\""'.encode()
    )
    refused(Malformed, make_raw(b"\xff\xff", content_type="text/plain"), texts)
    refused(SchemaViolation, make_raw(b"a", content_type="text/plain"), texts)


def test_the_deadline_is_the_endpoints_or_an_earlier_one() -> None:
    endpoint = make_endpoint(timeout_s=0.8)
    body = {"x": [1, 2]}

    assert parse(make_raw(body), endpoint, NATIVE, 5).deadline_ns == 800_000_005
    assert parse(make_raw(body, x_deadline_ms="100"), endpoint, NATIVE, 5).deadline_ns == 100_000_005
    assert parse(make_raw(body, x_deadline_ms="100000"), endpoint, NATIVE, 5).deadline_ns == 800_000_005


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x_deadline_ms", "0"),
        ("x_deadline_ms", "-1"),
        ("x_deadline_ms", "1.5"),
        ("x_deadline_ms", "1e3"),
        ("x_deadline_ms", "999999999"),
        ("x_deadline_ms", "١"),
        ("x_subject", ""),
        ("x_subject", "a b"),
        ("x_subject", "a" * 257),
        ("x_subject", "jane\xe9"),
        ("idempotency_key", ""),
        ("idempotency_key", "a" * 256),
        ("idempotency_key", "a b"),
        ("x_request_id", "a\x7f"),
        ("x_request_id", "a" * 129),
    ],
)
def test_a_broken_header_is_400_and_named(name: str, value: str) -> None:
    error = refused(Malformed, make_raw({"x": [1, 2]}, **{name: value}), BATCH)

    assert error.detail.lower().startswith(name.replace("_", "-"))
    assert value not in error.detail or len(value) < 2


def test_the_headers_of_a_call_are_kept_apart() -> None:
    raw = make_raw({"x": [1, 2]}, x_subject="jane@example.com", idempotency_key="k-1", x_request_id="theirs")

    call = parse(raw, BATCH, NATIVE, 0)

    assert (call.subject, call.idempotency_key, call.client_request_id) == ("jane@example.com", "k-1", "theirs")


def test_the_endpoints_own_bound_on_the_body_holds() -> None:
    refused(BodyTooLarge, make_raw(b"x" * 11), make_endpoint(max_body_bytes=10))


def test_only_bodies_that_are_read_whole_count_for_the_size_hint() -> None:
    assert parse_size_hint(make_raw(b"x" * 300_000)) > OFF_LOOP_BYTES
    assert parse_size_hint(make_raw(b"x" * 300_000, content_type="image/png")) == 0
    assert parse_size_hint(make_raw(b"x" * 300_000, content_type="text/csv")) == 300_000
