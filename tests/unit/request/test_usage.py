"""What an own model's answer says that it used, in the words of each task."""

import json

import pytest

from headworks.costs import Usage
from headworks.request.usage import MARK, usage_told

OPENAI = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
RESPONSES = {
    "input_tokens": 9,
    "output_tokens": 5,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 2},
}
WHOLE = Usage(input_tokens=9, output_tokens=5, cached_tokens=4, reasoning_tokens=2)


def text(document):
    return json.dumps(document, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("document", "usage"),
    [
        ({"choices": [], "usage": OPENAI}, WHOLE),
        ({"type": "response.completed", "response": {"usage": RESPONSES}}, WHOLE),
        ({"usage": {"input_tokens": 9, "output_tokens": 5}}, Usage(input_tokens=9, output_tokens=5)),
        ({"usage": {"prompt_tokens": 3, "total_tokens": 3}}, Usage(input_tokens=3)),
    ],
    ids=["chat", "responses", "messages", "embeddings"],
)
def test_each_task_tells_it_in_its_own_words(document, usage):
    assert MARK in text(document)
    assert usage_told([text(document)]) == usage


def test_a_message_tells_what_it_read_first_and_what_it_wrote_last():
    begun = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    ended = {"type": "message_delta", "usage": {"output_tokens": 5}}

    assert usage_told([text(begun), text(ended)]) == Usage(input_tokens=9, output_tokens=5)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b'{"usage":null}',
        b'{"usage":{}}',
        b'{"usage":{"prompt_tokens":-1}}',
        b'{"usage":{"prompt_tokens":"many"}}',
        b'{"usage":{"prompt_tokens":1000000000001}}',
        b'{"usage":{"prompt_tokens":1000000000000000000000000000000}}',
        b'{"usage":{"prompt_tokens":1.5}}',
        b"{",
    ],
)
def test_nothing_and_what_cannot_be_true_is_unknown(document):
    assert usage_told([document]) is None


@pytest.mark.parametrize("last", [{"completion_tokens": 10**13}, {"completion_tokens": "5"}, "many"], ids=str)
def test_what_an_event_told_is_not_believed_where_a_later_one_cannot_be_true(last):
    assert usage_told([text({"usage": OPENAI}), text({"usage": last})]) is None
