"""What Gemini's models serve, task by task."""

from __future__ import annotations

from headworks.targets.providers.gemini.chat import GeminiChat
from headworks.targets.providers.gemini.counting import GeminiTokenCount
from headworks.targets.providers.gemini.embeddings import GeminiEmbeddings
from headworks.targets.providers.offers import Offer

OFFERS = (
    Offer(
        "",
        "chat",
        "POST /v1beta/models/MODEL:generateContent",
        "turns, functions, pictures, sound, files and JSON schemas translated both ways; thoughts as `reasoning_content`; "
        "`reasoning_effort` as a level or budget of thinking; `n` and `logprobs` too",
        lambda model, settings: GeminiChat(model),
        own="MODEL",
    ),
    Offer(
        "",
        "token-count",
        "POST /v1beta/models/MODEL:countTokens",
        "the conversation as for `chat`",
        lambda model, settings: GeminiTokenCount(model=model),
        own="MODEL",
    ),
    Offer(
        "",
        "embeddings",
        "POST /v1beta/models/MODEL:batchEmbedContents",
        "one vector a text; numbers or base64 made here",
        lambda model, settings: GeminiEmbeddings(model=model),
        own="MODEL",
    ),
)
