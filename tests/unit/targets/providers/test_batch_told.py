"""What a batch and its output say was used, whole or cut anywhere, true or not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.costs import Usage
from headworks.targets.providers.batch_told import MOST_LINE_BYTES, MOST_MODELS, NOTHING, OutputReader, all_of, ended

CHAT = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
RESPONSES = {
    "input_tokens": 10,
    "output_tokens": 7,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 2},
}
ZEROS = {"prompt_tokens": 0, "completion_tokens": 0, "input_tokens": 0, "output_tokens": 0}
SPENT = Usage(input_tokens=10, output_tokens=7, cached_tokens=4, reasoning_tokens=2)


def batch(**fields):
    return json.dumps({"id": "b", "status": "completed", **fields}).encode()


def line(usage=CHAT, model="m", status=200):
    return json.dumps({"custom_id": "1", "response": {"status_code": status, "body": {"model": model, "usage": usage}}})


def read(content, sizes=()):
    reader, at = OutputReader(), 0
    for size in sizes:
        reader.feed(content[at : at + size])
        at += size
    reader.feed(content[at:])
    reader.finish()
    return reader


@pytest.mark.parametrize("status", ["validating", "in_progress", "finalizing", "cancelling", None, 7])
def test_a_batch_that_goes_on_has_not_ended(status):
    assert ended(batch(status=status, usage=CHAT)) is None


@pytest.mark.parametrize("document", [b"", b"[]", b"{", b'{"status": "completed", "usage": 7}', b'{"status": []}'])
def test_what_cannot_be_read_has_not_ended(document):
    assert ended(document) is None


@pytest.mark.parametrize("usage", [CHAT, RESPONSES, {**ZEROS, **RESPONSES}, {**ZEROS, **CHAT}])
@pytest.mark.parametrize("status", ["completed", "expired", "cancelled", "failed"])
def test_what_a_batch_says_it_used_is_so(status, usage):
    told = ended(batch(status=status, usage=usage, output_file_id="file-1"))

    assert (told.usage, told.output) == (SPENT, "file-1")


@pytest.mark.parametrize("usage", [None, ZEROS, {}, {"input_tokens": -1}, {"input_tokens": 10**15, "output_tokens": 1}])
def test_a_batch_that_says_nothing_of_use_leaves_it_to_its_output(usage):
    counts = {"total": 2, "completed": 2, "failed": 0}

    assert ended(batch(usage=usage, output_file_id="file-1", request_counts=counts)).usage is None


def test_a_batch_of_which_no_line_ran_used_nothing():
    counts = {"total": 2, "completed": 0, "failed": 2}

    assert ended(batch(status="failed", request_counts=counts)).usage == NOTHING


@given(st.lists(st.integers(0, 200), max_size=8))
def test_an_output_is_added_up_wherever_it_is_cut(sizes):
    lines = [line(), line(RESPONSES), line(CHAT, "other"), line({}, status=429), "", line()]
    reader = read("\n".join(lines).encode(), sizes)

    assert reader.is_known
    assert set(reader.used) == {"m", "other"}
    assert reader.used["other"] == SPENT
    assert all_of(reader.used) == Usage(input_tokens=40, output_tokens=28, cached_tokens=16, reasoning_tokens=8)


@pytest.mark.parametrize("wrong", ["{", "[]", line(None), line({}), line({"prompt_tokens": -1}), line("x")])
def test_a_line_that_says_nothing_makes_the_whole_unknown(wrong):
    assert not read(f"{line()}\n{wrong}\n{line()}".encode()).is_known


@pytest.mark.parametrize("wrong", ['{"response": null, "error": {"code": "batch_expired"}}', line("x", status=500)])
def test_a_line_that_failed_used_nothing(wrong):
    reader = read(f"{line()}\n{wrong}".encode())

    assert (reader.is_known, reader.used) == (True, {"m": SPENT})


def test_more_models_than_any_account_has_are_not_counted():
    lines = "\n".join(line(model=str(number)) for number in range(MOST_MODELS + 2))

    assert not read(lines.encode()).is_known


def test_a_line_without_an_end_is_given_up_and_not_kept():
    reader = OutputReader()
    for _ in range(MOST_LINE_BYTES // 2**16 + 2):
        reader.feed(b"x" * 2**16)
    reader.finish()

    assert not reader.is_known
    assert reader._parts == []
