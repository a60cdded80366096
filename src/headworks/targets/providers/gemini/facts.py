"""What is known of Gemini's dialect: error words, why answers end, addresses. Data only.

Source: Gemini API reference (generateContent, batchEmbedContents, finish and block reasons); google.rpc.Code.
"""

from __future__ import annotations

from collections.abc import Mapping

from headworks.errors import (
    HeadworksError,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)
from headworks.targets.providers.efforts import LOW_TO_HIGH

DEFAULT_ADDRESS = "https://generativelanguage.googleapis.com"
API_MODELS = "/v1beta/models"
VERTEX_MODELS = "/publishers/google/models"
"""Where models stand; on Vertex below `/v1/projects/PROJECT/locations/LOCATION`."""

BY_CODE: Mapping[str, type[HeadworksError]] = {
    "API_KEY_INVALID": ProviderKeyRejected,
    "API_KEY_SERVICE_BLOCKED": ProviderKeyRejected,
    "UNAUTHENTICATED": ProviderKeyRejected,
    "PERMISSION_DENIED": ProviderKeyRejected,
    "FAILED_PRECONDITION": ProviderKeyRejected,
    "RESOURCE_EXHAUSTED": ProviderBusy,
    "UNAVAILABLE": ProviderBusy,
    "DEADLINE_EXCEEDED": ProviderTimeout,
    "CANCELLED": ProviderDown,
    "INTERNAL": ProviderDown,
    "UNKNOWN": ProviderDown,
    "ABORTED": ProviderDown,
    "NOT_FOUND": ProviderDown,
    "INVALID_ARGUMENT": ProviderRefused,
    "OUT_OF_RANGE": ProviderRefused,
}
"""By the reason in the details, else by `status`. FAILED_PRECONDITION tells that the account may not: no billing, wrong country."""

_HELD_BACK = ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY")
FINISHES: Mapping[str, str] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_HELD_BACK, "content_filter"),
}
"""Why an answer ended, in the task's words; any other word is an end by the model's own choice: `stop`."""

BROKEN_ENDS = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "OTHER"})
"""Ends without an answer, for no reason of the input's."""

BUDGETS: Mapping[str, int] = {
    "none": 0,
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 24_576,
    "max": 24_576,
}
"""Tokens that a model of version 2.5 may think, by a chat's `reasoning_effort`, as Google's own server of OpenAI's dialect has it."""
_BY_BUDGET, _NEVER_LESS, _OF_TWO_LEVELS = "gemini-2.5", {"gemini-2.5-pro": 128}, "gemini-3-pro"
_NAMED, _BEFORE_THINKING = "gemini-", ("gemini-1", "gemini-2.0", "gemini-pro")

COUNTED = frozenset({"contents", "systemInstruction", "tools"})
"""The fields of a request that countTokens takes, whoever hosts it."""

NO_SIGNATURE = "skip_thought_signature_validator"
"""What Gemini 3 takes in place of the signature of a tool call that it did not make itself."""
SIGNS_CALLS = "gemini-3"


def thinking_of(model: str, wished: str | None) -> dict[str, str | int]:
    """How much to think, as `thinkingConfig` says it; nothing where nobody wished, or the model does not think.

    Source: Gemini API, "OpenAI compatibility" and "Thinking".
    """
    if wished is None or not model.startswith(_NAMED) or model.startswith(_BEFORE_THINKING):
        return {}
    if model.startswith(_BY_BUDGET):
        least = next((tokens for name, tokens in _NEVER_LESS.items() if model.startswith(name)), 0)
        return {"thinkingBudget": max(BUDGETS[wished], least)}
    level = LOW_TO_HIGH[wished]
    return {"thinkingLevel": "high" if level == "medium" and model.startswith(_OF_TWO_LEVELS) else level}
