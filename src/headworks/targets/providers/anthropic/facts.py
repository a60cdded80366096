"""What is known of Anthropic's dialect: error types, why answers end, how much models write, who hosts them. Data only.

Source: Anthropic API reference (messages, errors, streaming); Bedrock and Vertex pages of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from msgspec import Struct

from headworks.errors import (
    ContextTooLong,
    HeadworksError,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderRefused,
    ProviderTimeout,
)
from headworks.targets.providers.efforts import LOW_TO_HIGH
from headworks.targets.providers.wire import JSON_FIELDS

DEFAULT_ADDRESS = "https://api.anthropic.com"
API_VERSION = "2023-06-01"
OWN_FIELDS = (*JSON_FIELDS, ("anthropic-version", API_VERSION))
BETAS = frozenset(
    {
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "model-context-window-exceeded-2025-08-26",
        "output-128k-2025-02-19",
        "pdfs-2024-09-25",
        "prompt-caching-2024-07-31",
        "structured-outputs-2025-11-13",
        "thinking-token-count-2026-05-13",
        "token-efficient-tools-2025-02-19",
    }
)
"""Features under test that a caller may ask for: they run, keep and fetch nothing at the vendor and have no other price.

Source: anthropic-sdk-python, types/anthropic_beta_param.py. A provider's `betas` allows others.
"""
COUNTED = frozenset({"messages", "output_config", "system", "thinking", "tool_choice", "tools"})
"""The fields of a conversation that count_tokens takes."""

BY_CODE: Mapping[str, type[HeadworksError]] = {
    "authentication_error": ProviderKeyRejected,
    "permission_error": ProviderKeyRejected,
    "billing_error": ProviderKeyRejected,
    "rate_limit_error": ProviderBusy,
    "overloaded_error": ProviderBusy,
    "request_too_large": ContextTooLong,
    "not_found_error": ProviderDown,
    "api_error": ProviderDown,
    "timeout_error": ProviderTimeout,
    "invalid_request_error": ProviderRefused,
}
"""By `error.type`; what is not here goes by its status. A prompt above the model's window is told as invalid_request_error."""

FINISHES: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
"""Why an answer ended, in the task's words; any other word is an end by the model's own choice: `stop`."""

CAP_BY_MODEL: Mapping[str, int] = {"": 16_384, "claude-3": 4_096, "claude-3-5": 8_192, "claude-3-7": 16_384}
"""Tokens asked for where nobody set a cap, since one is required; by the start of the model's name, the longest that fits."""

UNSAYABLE = ("n", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty")
"""Fields of a chat that Anthropic has no word for; `seed` is a wish and left out."""

MOST_TEMPERATURE = 1.0
PDF, TEXTS = "application/pdf", "text/"
"""Media types of the documents that it reads."""
_FAMILIES_OF_4 = tuple(f"claude-{family}-4" for family in ("opus", "sonnet", "haiku"))
SAMPLED = (
    "claude-2",
    "claude-instant",
    "claude-3",
    *(name + mark for name in _FAMILIES_OF_4 for mark in ("@", "-0", "-1", "-2", "-5", "-6")),
)
"""Starts of the vendor's names of models that take a temperature or `top_p`; those from 4.7 on, and any unknown one, refuse both.

A date follows the older names of version 4.0: `claude-opus-4-20250514`.
"""
EFFORTLESS = (
    "claude-2",
    "claude-instant",
    "claude-3",
    *(name + mark for name in _FAMILIES_OF_4 for mark in ("@", "-0", "-1", "-2")),
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
)
"""Starts of the vendor's names of models that take no effort; all later ones do. Source: Anthropic API, "Effort"."""
UNNAMED = "arn:"
"""The start of names on Bedrock that do not tell which model answers."""
ANSWER_TOOL = "answer_in_json"
"""The tool that the model is made to call where JSON was asked for: its arguments are the answer."""


class Hosting(Struct, frozen=True):
    """Where messages are answered: paths by model, and what stands in the body beside the conversation."""

    path: Callable[[str], str]
    stream_path: Callable[[str], str]
    version_in_body: str | None = None
    names_model: bool = True
    says_stream: bool = True
    betas_in_body: bool = False
    count_path: str = ""


def _own(model: str) -> str:
    return "/v1/messages"


OWN = Hosting(_own, _own, count_path="/v1/messages/count_tokens")
VERTEX = Hosting(
    lambda model: f"/publishers/anthropic/models/{quote(model, safe='@')}:rawPredict",
    lambda model: f"/publishers/anthropic/models/{quote(model, safe='@')}:streamRawPredict",
    version_in_body="vertex-2023-10-16",
    names_model=False,
    count_path="/publishers/anthropic/models/count-tokens:rawPredict",
)
BEDROCK = Hosting(
    lambda model: f"/model/{quote(model, safe='')}/invoke",
    lambda model: f"/model/{quote(model, safe='')}/invoke-with-response-stream",
    version_in_body="bedrock-2023-05-31",
    names_model=False,
    says_stream=False,
    betas_in_body=True,
)


def default_cap(model: str) -> int:
    """How many tokens an answer may have where nobody said."""
    name = _bare(model)
    return CAP_BY_MODEL[max((start for start in CAP_BY_MODEL if name.startswith(start)), key=len)]


def is_sampled(model: str) -> bool:
    """Whether a model takes a temperature; another maker's, behind the same path, does."""
    if "claude" not in model and not model.startswith(UNNAMED):
        return True
    return _bare(model).startswith(SAMPLED)


def effort_of(model: str, wished: str | None) -> dict[str, str]:
    """How hard to try, as `output_config` says it; nothing where nobody wished, or the model takes no such wish."""
    name = _bare(model)
    if wished is None or not name.startswith("claude") or name.startswith(EFFORTLESS):
        return {}
    return {"effort": LOW_TO_HIGH[wished]}


def _bare(model: str) -> str:
    """A model's name without what hosts put before it."""
    return model[max(model.find("claude"), 0) :]
