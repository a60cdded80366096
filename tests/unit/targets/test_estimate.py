"""The estimate that answers a count of tokens when nobody else does."""

import json

import pytest

from headworks.pending import Pending
from headworks.targets.estimate import ESTIMATED, Estimate, estimated_tokens
from headworks.values import Call, Payload

TEXT = {"role": "user", "content": "x" * 40}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "A" * 4000}


def said(*blocks, role="user"):
    return {"role": role, "content": list(blocks)}


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [
        ({"messages": [TEXT]}, 10 + 4),
        ({"messages": [{"role": "user", "content": "\u20ac" * 40}]}, 30 + 4),
        ({"messages": [TEXT, said({"type": "image_url", "image_url": {"url": "data:"}})]}, 10 + 4 + 4 + 1600),
        ({"messages": [said({"type": "text", "text": "x" * 40})]}, 10 + 4),
        ({"messages": [TEXT], "system": [{"type": "text", "text": "x" * 8}]}, 10 + 2 + 4),
        ({"messages": [said({"type": "image", "source": SOURCE})]}, 4 + 1600),
        (
            {
                "messages": [
                    said(
                        {"type": "tool_use", "id": "t" * 99, "name": "look", "input": {"at": "Bern"}}, role="assistant"
                    )
                ]
            },
            5 + 4,
        ),
        (
            {
                "messages": [
                    said({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": SOURCE}]})
                ]
            },
            4 + 1600,
        ),
        ({"messages": [TEXT], "tools": [{"type": "function", "function": {"name": "f"}}]}, 13 + 4),
        ({"messages": [TEXT], "tools": [{"name": "f"}]}, 13 + 4),
    ],
)
def test_text_tools_turns_and_pictures_are_counted_in_either_form(asked, tokens):
    assert estimated_tokens(asked) == tokens


@pytest.mark.parametrize("size", [40, 400_000])
def test_what_it_answers_says_that_it_is_an_estimate(size):
    threads = []

    def offload(work):
        threads.append(work)
        done = Pending()
        done.resolve(work())
        return done

    document = json.dumps({"messages": [{"role": "user", "content": "x" * size}]}).encode()
    outcome = Estimate(offload).start(Call(None, Payload(document), "", 0), "k", 0, None).result()

    assert json.loads(outcome.body) == {"input_tokens": size // 4 + 4}
    assert outcome.headers == (ESTIMATED,)
    assert len(threads) == (size > 256 * 1024)
