"""What is known of Cohere's dialect: statuses, why answers end, bounds. Data only.

Source: Cohere API reference, version 2 (chat, embed, rerank, errors).
"""

from __future__ import annotations

from collections.abc import Mapping

from headworks.errors import HeadworksError, ProviderBroken, ProviderDown, ProviderKeyRejected, ProviderTimeout

DEFAULT_ADDRESS = "https://api.cohere.com"

BY_CODE: Mapping[str, type[HeadworksError]] = {
    "498": ProviderKeyRejected,
    "499": ProviderDown,
}
"""By status, as Cohere's errors have no codes: a refused token, and a request that was cancelled on its side."""

FINISHES: Mapping[str, str] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
"""Why an answer ended, in the task's words; any other word is an end by the model's own choice: `stop`."""

BROKEN_ENDS: Mapping[str, type[HeadworksError]] = {
    "ERROR": ProviderBroken,
    "ERROR_LIMIT": ProviderBroken,
    "TIMEOUT": ProviderTimeout,
}
"""Ends without a whole answer."""

UNSAYABLE = ("n", "logprobs", "top_logprobs")
"""Fields of a chat that are not translated; `parallel_tool_calls` and `reasoning_effort` are wishes and left out."""

MOST_TEMPERATURE = 1.0
MOST_TEXTS = 96
"""Texts in one call of embed."""
