"""A vendor that tells usage without its counts has not said that nothing was used."""

import pytest
from msgspec import json

from headworks.money.prices import cost_micros
from headworks.settings.money import Price
from headworks.targets.providers.anthropic.chat import AnthropicChat
from headworks.targets.providers.aws.bedrock_converse import ConverseChat
from headworks.targets.providers.cohere.chat import CohereChat
from headworks.targets.providers.gemini.chat import GeminiChat
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.facts import Server
from headworks.targets.providers.wire import HttpResponse
from tests.unit.targets.providers.chats import ask

SAID = [{"type": "text", "text": "Hi."}]
ANSWERS = {
    "anthropic": (
        AnthropicChat("m"),
        {"id": "a", "role": "assistant", "model": "m", "content": SAID, "stop_reason": "end_turn", "usage": {}},
    ),
    "converse": (
        ConverseChat("m"),
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hi."}]}},
            "stopReason": "end_turn",
            "usage": {},
        },
    ),
    "cohere": (
        CohereChat("m"),
        {
            "id": "c",
            "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": SAID},
            "usage": {"billed_units": {}},
        },
    ),
    "gemini": (
        GeminiChat("m"),
        {
            "candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}],
            "usageMetadata": {},
            "responseId": "r",
        },
    ),
    "openai": (
        OpenAiChat("m", Server()),
        {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"},
            ],
            "usage": {},
        },
    ),
}


@pytest.mark.parametrize("vendor", ANSWERS)
def test_what_such_an_answer_cost_is_unknown(vendor):
    operation, document = ANSWERS[vendor]
    answer = operation.reply(ask(), HttpResponse(200, {}, json.encode(document)))

    assert answer.usage is None or cost_micros(Price(input=1, output=1), answer.usage) is None
