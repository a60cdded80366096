"""Chunks as OpenAI's clients need them, whatever the target sends."""

import pytest

from headworks.costs import Usage
from headworks.dialects.openai.body import Form
from headworks.dialects.openai.chat import ChatWriter
from headworks.dialects.openai.completions import CompletionWriter
from headworks.errors import ContractViolation, ModelError
from tests.unit.dialects.chunks import REQUEST_ID, bare, chunk, datas, written

SPENT = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
PLAIN, COUNTED = Form("chat", REQUEST_ID), Form("chat", REQUEST_ID, has_usage=True)


def test_a_chunk_goes_on_unaltered_but_for_the_models_name():
    told = written(ChatWriter(PLAIN), chunk(role="assistant", content="a"), chunk(content="b", extra=[1]))

    assert told[1] == {
        "id": "up-1", "object": "chat.completion.chunk", "created": 7, "model": "chat",
        "choices": [{"index": 0, "delta": {"content": "b", "extra": [1]}, "finish_reason": None}],
    }  # fmt: skip


def test_a_time_that_the_vendor_did_not_tell_is_the_requests():
    untimed = chunk(content="a").replace(b'"created": 7', b'"created": 0')
    told = written(ChatWriter(PLAIN), untimed, untimed)

    assert [each["created"] for each in told[:2]] == [1795787528, 1795787528]


def test_usage_that_nobody_asked_for_is_left_out_wherever_it_stands():
    told = written(ChatWriter(PLAIN), chunk(content="a", usage=SPENT), chunk("stop"), bare(usage=SPENT))

    assert [each for each in told[:-1] if "usage" in each or not each["choices"]] == []
    assert told[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("events", "beside"),
    [
        ([chunk(content="a"), chunk("stop", usage=SPENT)], None),
        ([chunk(content="a"), chunk("stop"), bare(usage=SPENT)], None),
        ([chunk(content="a"), chunk("stop")], Usage(input_tokens=1, output_tokens=2)),
    ],
    ids=["on a chunk with choices", "alone", "beside the events"],
)
def test_usage_that_was_asked_for_comes_once_and_alone_at_the_end(events, beside):
    *told, last, done = written(ChatWriter(COUNTED), *events, usage=beside)

    assert (last["choices"], last["usage"], done) == ([], SPENT, "[DONE]")
    assert all(each["usage"] is None and each["choices"] for each in told)
    assert (last["id"], last["model"], last["created"]) == ("up-1", "chat", 7)


def test_usage_that_is_not_known_is_not_made_up():
    told = written(ChatWriter(COUNTED), chunk(content="a"), chunk("stop"))

    assert len(told) == 3
    assert all(each["usage"] is None for each in told[:-1])


def test_cached_and_thought_tokens_told_beside_the_events_are_repeated():
    usage = Usage(input_tokens=5, output_tokens=6, cached_tokens=2, reasoning_tokens=3)
    last = written(ChatWriter(COUNTED), chunk("stop", content="a"), usage=usage)[-2]

    assert last["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}
    assert last["usage"]["completion_tokens_details"] == {"reasoning_tokens": 3}


def test_a_first_chunk_without_choices_is_left_away():
    told = written(ChatWriter(PLAIN), bare(prompt_filter_results=[]), chunk("stop", content="a"))

    assert [each["choices"][0]["delta"] for each in told[:-1]] == [{"role": "assistant", "content": "a"}]


def test_a_stream_that_named_no_reason_for_its_end_gets_one():
    told = written(ChatWriter(PLAIN), chunk(content="a"))

    assert told[-2]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    assert told[-2]["id"] == "up-1"


def test_a_stream_of_nothing_ends_like_any_other():
    told = written(ChatWriter(PLAIN))

    assert told[0]["id"] == f"chatcmpl-{REQUEST_ID}"
    assert told[0]["created"] == 1795787528
    assert told[1] == "[DONE]"


def test_what_breaks_a_stream_is_told_by_its_class_alone():
    told = datas(ChatWriter(PLAIN).failed(ModelError(reason="secret"), REQUEST_ID, "/v1/chat/completions"))

    assert told == [
        {
            "error": {
                "message": "Model failed on this input", "type": "server_error", "param": None, "code": "model_error",
            }
        }
    ]  # fmt: skip


@pytest.mark.parametrize("event", [b"[]", b"{", b'{"choices":7}', b'{"choices":[{"finish_reason":7}]}'])
@pytest.mark.parametrize("writer", [ChatWriter, CompletionWriter])
def test_an_event_that_is_no_chunk_breaks_the_contract(writer, event):
    with pytest.raises(ContractViolation):
        writer(PLAIN).event(event)


def test_a_completions_chunks_hold_text_and_end_with_a_reason():
    events = [chunk(role="assistant"), chunk(content="a"), chunk("length"), bare(usage=SPENT)]
    told = written(CompletionWriter(COUNTED), *events)

    assert [each["choices"][0]["text"] for each in told[:2]] == ["a", ""]
    assert told[1]["choices"][0]["finish_reason"] == "length"
    assert told[2]["usage"] == SPENT
