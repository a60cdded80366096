"""The decoder refuses what two readers could understand differently, and everything without a bound."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.contract import json_text
from headworks.contract.json_text import decode
from headworks.errors import NotJson

ORDINARY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)
KEYS = st.sampled_from(["a", "b", ":", "\\", "a:b", '"', "\\u003a"])
PAIRS = st.lists(st.tuples(KEYS, st.deferred(lambda: DOUBTFUL)), max_size=4)
DOUBTFUL: st.SearchStrategy[Any] = st.one_of(
    st.integers(), KEYS, st.lists(st.deferred(lambda: DOUBTFUL), max_size=3), PAIRS.map(lambda pairs: ("object", pairs))
)


def written(value: Any, escaped: bool) -> str:
    if isinstance(value, tuple):
        inner = ",".join(f"{written(key, escaped)}:{written(item, escaped)}" for key, item in value[1])
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item, escaped) for item in value) + "]"
    text = json.dumps(value)
    return text.replace(":", "\\u003a") if escaped else text


def repeats(value: Any) -> bool:
    if isinstance(value, tuple):
        keys = [key for key, _ in value[1]]
        return len(set(keys)) < len(keys) or any(repeats(item) for _, item in value[1])
    return isinstance(value, list) and any(repeats(item) for item in value)


@given(ORDINARY)
def test_an_ordinary_document_is_decoded_as_the_standard_library_does(document: Any) -> None:
    body = json.dumps(document).encode()

    assert decode(body) == json.loads(body)


@given(DOUBTFUL, st.booleans())
def test_a_repeated_key_is_refused_wherever_it_is_and_however_it_is_escaped(value: Any, escaped: bool) -> None:
    body = written(value, escaped).encode()

    if repeats(value):
        with pytest.raises(NotJson):
            decode(body)
    else:
        assert decode(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'[{"a":1},{"a":1,"a":1}]',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"a":"\\u003a"}',
        b'{"a":1,"a":"\\u003A"}',
        b'{"a":18446744073709551616,"a":1,"b":[]}',
    ],
)
def test_a_repeated_key_is_named(body: bytes) -> None:
    with pytest.raises(NotJson) as caught:
        decode(body)

    assert "repeated" in caught.value.errors[0].message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"NaN", "byte 0"),
        (b"[1,NaN]", "byte 3"),
        (b"[-Infinity]", "byte"),
        (b"[1,]", "byte 3"),
        (b'{"a":1', "too early"),
        (b"1 2", "byte 3"),
        (b"\xef\xbb\xbf1", "byte 0"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'"\\ud800"', "too early"),
        (b'"\\udc00"', "surrogate"),
        (b"[1e999]", "out of range"),
        (b"01", "byte 1"),
        (b'"\x01"', "byte 1"),
        (b"{'a':1}", "byte 1"),
        (b"1" * 4301, "out of range"),
    ],
)
def test_what_is_not_json_is_refused_and_the_place_is_named(body: bytes, said: str) -> None:
    with pytest.raises(NotJson) as caught:
        decode(body)

    assert caught.value.status == 400
    assert said in caught.value.detail


def test_depth_is_bounded_on_both_sides() -> None:
    assert decode(b"[" * 64 + b"]" * 64) is not None
    assert decode(b'{"a":' * 64 + b"1" + b"}" * 64) is not None
    assert len(decode(b"[" + b"[]," * 80 + b"[]]")) == 81

    for body in (b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 100_000, b'{"a":[' * 40 + b"]}" * 40):
        with pytest.raises(NotJson, match="deeper"):
            decode(body)


def test_brackets_inside_strings_are_not_depth() -> None:
    body = json.dumps(["[{" * 200, '"[' * 100, "\\[" * 100]).encode()

    assert decode(body) == json.loads(body)


def test_the_number_of_values_is_bounded_before_they_are_made() -> None:
    assert len(decode(b"[" + b"1," * 199_998 + b"1]")) == 199_999
    assert decode(b'["' + b"," * 500_000 + b'"]')

    for body in (b"[" + b"1," * 300_000 + b"1]", b"[" + b"[]," * 300_000 + b"[]]"):
        with pytest.raises(NotJson, match="more than 200000 values"):
            decode(body)


def test_an_unclosed_string_of_escapes_is_refused_in_linear_time() -> None:
    with pytest.raises(NotJson):
        decode(b'"' + b'\\"' * 1_000_000 + b"," * 300_000)


def test_a_string_is_bounded_unless_its_field_carries_bytes() -> None:
    long = "A" * (json_text.LONGEST_STRING_BYTES + 4)
    body = json.dumps({"image": long, "n": 1}).encode()
    rows = json.dumps([{"image": long}]).encode()
    hidden = json.dumps({"image": 1, "other": [long]}).encode()

    assert decode(body, ("image",))["n"] == 1
    assert len(decode(rows, ("image",))) == 1
    assert decode(json.dumps(long).encode(), ("",)) == long
    for refused, binary in ((body, ()), (hidden, ("image",)), (rows, ("other",)), (json.dumps({long: 1}).encode(), ())):
        with pytest.raises(NotJson, match="longer than 16 MiB"):
            decode(refused, binary)


def test_a_refusal_never_repeats_the_value() -> None:
    for body in (b'{"password":"hunter2" "x":1}', b'["hunter2\xff"]', b'{"a":"hunter2","a":"hunter2"}', b"hunter2"):
        with pytest.raises(NotJson) as caught:
            decode(body)
        told = caught.value.detail + repr(caught.value.errors)

        assert "hunter2" not in told


@given(text=st.lists(st.sampled_from([b'"', b"\\", b"{", b"]", b",", b"a", b"\n", b'\\"']), max_size=60).map(b"".join))
def test_strings_are_left_out_alike_wherever_a_window_ends(text):
    assert json_text._bare(text, window_bytes=5) == json_text._STRING.sub(b"", text)
