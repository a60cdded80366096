"""multipart/form-data, and its bounds."""

import pytest

from headworks.dialects.native.form import form_of
from headworks.errors import BodyTooLarge, HeadworksError, Malformed, NotJson, SchemaViolation
from tests.unit.contracts import BASE64, PHOTO, form, make_contract

PHOTOS = make_contract(PHOTO)


def test_fields_are_typed_and_files_stay_bytes() -> None:
    body = form(
        "B", ("image", "image/png", b"\x89PNG\n--B\n"), ("top_k", "", b"3"), ("labels", "application/json", b'["a"]')
    )

    assert form_of(body, "B", PHOTOS) == ({"top_k": 3, "labels": ["a"]}, (("image", b"\x89PNG\n--B\n"),))


def test_a_whole_binary_input_is_the_one_part_of_any_name() -> None:
    assert form_of(form("B", ("file", "image/png", b"x")), "B", make_contract(BASE64)) == (None, (("", b"x"),))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", Malformed),
        (b"no form at all", Malformed),
        (form("B", ("image", "", b"x"))[:-8], Malformed),
        (form("B", *[(f"f{i}", "", b"x") for i in range(33)]), BodyTooLarge),
        (form("B", ("image", "", b"x"), ("image", "", b"x")), SchemaViolation),
        (form("B", ("top_k", "", b"1"), ("top_k", "", b"1")), SchemaViolation),
        (form("B", ("top_k", "", b"1"), ("top_k", "application/json", b"1")), SchemaViolation),
        (form("B", ("top_k", "application/json", b"1"), ("top_k", "application/json", b"1")), SchemaViolation),
        (form("B", ("top_k", "application/json", b"NaN")), NotJson),
        (form("B", ("top_k", "", b"\xff")), SchemaViolation),
        (form("B", ("top_k", "text/plain; charset=latin-1", b"1")), SchemaViolation),
        (form("B", ("top_k", "", b"1" * (4 * 2**20 + 1))), BodyTooLarge),
        (
            b'--B\r\nContent-Disposition: form-data; name="a"\r\nX: ' + b"x" * 9000 + b"\r\n\r\n\r\n--B--\r\n",
            BodyTooLarge,
        ),
        (b'--B\r\nContent-Disposition: attachment; name="a"\r\n\r\n\r\n--B--\r\n', Malformed),
    ],
)
def test_a_broken_or_unbounded_form_is_refused(body: bytes, error: type[HeadworksError]) -> None:
    with pytest.raises(error):
        form_of(body, "B", PHOTOS)


def test_two_files_for_a_whole_input_are_one_too_many() -> None:
    with pytest.raises(SchemaViolation):
        form_of(form("B", ("a", "image/png", b"x"), ("b", "image/png", b"y")), "B", make_contract(BASE64))
