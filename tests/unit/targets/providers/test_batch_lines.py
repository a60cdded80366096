"""What the lines of a batch may need, and which of them are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.errors import SchemaViolation
from headworks.owing import Needs
from headworks.targets.providers.batch_lines import MOST_ANSWERS, MOST_CAP, read_lines

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]


def line(url=CHAT, **body):
    return json.dumps({"custom_id": "1", "url": url, "body": {"model": "m", **body}}, ensure_ascii=False).encode()


def needs(*lines):
    return read_lines(b"\n".join(lines), lambda name: name).needs["m"]


def size(**body):
    return len(json.dumps({"model": "m", **body}, separators=(",", ":"), ensure_ascii=False).encode())


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        (CHAT, {"messages": HI, "max_tokens": 9}, {"output_tokens": 9}),
        (CHAT, {"messages": HI, "max_completion_tokens": 9, "max_tokens": 5}, {"output_tokens": 9}),
        (CHAT, {"messages": HI, "max_tokens": 9, "n": 3}, {"output_tokens": 27}),
        (CHAT, {"messages": HI, "n": 3}, {"uncapped": 3}),
        (CHAT, {"messages": HI}, {"uncapped": 1}),
        ("/chat/completions", {"messages": HI}, {"uncapped": 1}),
        ("/v1/responses", {"input": "hi", "max_output_tokens": 9}, {"output_tokens": 9}),
        ("/v1/completions", {"prompt": "a", "max_tokens": 9}, {"output_tokens": 9}),
        ("/v1/completions", {"prompt": [1, 2, 3], "max_tokens": 9}, {"output_tokens": 9}),
        ("/v1/completions", {"prompt": ["a", "b"], "max_tokens": 9, "best_of": 2}, {"output_tokens": 36}),
        ("/v1/embeddings", {"input": "hi"}, {}),
        ("/v1/moderations", {"input": "hi"}, {}),
        (CHAT, {"messages": HI, "max_tokens": 1, "tools": [{"type": "function"}]}, {"output_tokens": 1, "tooled": 1}),
    ],
)
def test_what_a_line_may_use_is_its_bytes_and_its_caps(url, body, expected):
    assert needs(line(url, **body)) == Needs(size(**body), **expected)


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v1/images/edits", {"prompt": "a"}),
        ("/v1/videos", {}),
        (7, {}),
        (CHAT, {"messages": HI, "max_tokens": "9"}),
        (CHAT, {"messages": HI, "max_tokens": -1}),
        (CHAT, {"messages": HI, "max_tokens": 1.5}),
        (CHAT, {"messages": HI, "max_tokens": 9, "n": 0}),
        (CHAT, {"messages": HI, "max_tokens": 9, "n": MOST_ANSWERS + 1}),
        (CHAT, {"messages": HI, "max_tokens": MOST_CAP + 1}),
        (CHAT, {"messages": HI, "max_tokens": 9, "n": "many"}),
        (CHAT, {"messages": HI, "max_tokens": 9, "service_tier": "priority"}),
        (CHAT, {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}], "max_tokens": 9}),
        ("/v1/responses", {"input": "hi", "max_output_tokens": 9, "tools": [{"type": "web_search"}]}),
        ("/v1/responses", {"input": "hi", "max_output_tokens": 9, "previous_response_id": "resp_1"}),
    ],
)  # fmt: skip
def test_a_line_that_nothing_bounds_says_so(url, body):
    assert needs(line(url, **body)).is_open


def test_lines_of_one_model_are_added_up():
    capped, open_ended = line(messages=HI, max_tokens=9), line(messages=HI)
    two = needs(capped, b" \r", open_ended, capped)

    assert two == Needs(2 * size(messages=HI, max_tokens=9) + size(messages=HI), output_tokens=18, uncapped=1)
    assert needs(capped, line("/v1/videos")).is_open


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \r\n"])
def test_no_line_needs_nothing(content):
    assert read_lines(content, lambda name: name).needs == {}


@given(
    st.lists(st.sampled_from(["chat", "m"]), min_size=1, max_size=6),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(), max_size=3),
)
def test_a_line_in_an_endpoints_name_goes_out_in_its_models_and_is_the_same_else(names, more):
    more.pop("model", None)
    content = b"\n".join(line(messages=HI, x=more, model=name) for name in names)
    there = read_lines(content, {"chat": "m", "m": "m"}.get).content.split(b"\n")

    for name, before, after in zip(names, content.split(b"\n"), there, strict=True):
        assert (after == before) == (name == "m")
        assert json.loads(after) == json.loads(before.replace(b'"chat"', b'"m"'))


def test_the_number_of_the_first_line_that_is_wrong_is_told():
    good = line(messages=HI)
    with pytest.raises(SchemaViolation) as caught:
        read_lines(b"\n".join([good, b"", b"{", b"["]), lambda name: name)

    assert caught.value.errors[0].pointer == "/file"
    assert caught.value.errors[0].message.startswith("line 3 cannot be read")
