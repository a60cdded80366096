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

UNSAYABLE = ("logprobs", "top_logprobs")
"""Fields of a chat that are not translated; `parallel_tool_calls` and `reasoning_effort` are wishes and left out."""

COUNTED = frozenset({"contents", "systemInstruction", "tools"})
"""The fields of a request that countTokens takes, whoever hosts it."""

NO_SIGNATURE = "skip_thought_signature_validator"
"""What Gemini 3 takes in place of the signature of a tool call that it did not make itself."""
SIGNS_CALLS = "gemini-3"
