"""What is known of OpenAI's dialect: error codes, how models differ, where servers differ. Data only.

Source: OpenAI API reference and error guide; vLLM, llama.cpp, Azure OpenAI, OpenRouter where they add codes.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from headworks.errors import (
    ContentRefused,
    ContextTooLong,
    HeadworksError,
    ProviderBusy,
    ProviderDown,
    ProviderKeyRejected,
    ProviderTimeout,
    ProviderUnable,
)

DEFAULT_ADDRESS = "https://api.openai.com/v1"
OWN_HOST = "api.openai.com"
WISHES_OF_OTHERS = ("top_k",)
"""What OpenAI's own servers refuse as unknown, and others of the dialect take."""

BY_CODE: Mapping[str, type[HeadworksError]] = {
    "context_length_exceeded": ContextTooLong,
    "string_above_max_length": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "content_policy_violation": ContentRefused,
    "content_filter": ContentRefused,
    "moderation_blocked": ContentRefused,
    "invalid_prompt": ContentRefused,
    "image_generation_user_error": ContentRefused,
    "invalid_api_key": ProviderKeyRejected,
    "authentication_error": ProviderKeyRejected,
    "permission_error": ProviderKeyRejected,
    "insufficient_quota": ProviderKeyRejected,
    "billing_hard_limit_reached": ProviderKeyRejected,
    "billing_not_active": ProviderKeyRejected,
    "account_deactivated": ProviderKeyRejected,
    "unsupported_country_region_territory": ProviderKeyRejected,
    "rate_limit_exceeded": ProviderBusy,
    "rate_limit_error": ProviderBusy,
    "overloaded_error": ProviderBusy,
    "server_overloaded": ProviderBusy,
    "engine_overloaded": ProviderBusy,
    "slow_down": ProviderBusy,
    "timeout": ProviderTimeout,
    "model_not_found": ProviderDown,
    "DeploymentNotFound": ProviderDown,
    "server_error": ProviderDown,
    "internal_error": ProviderDown,
    "unsupported_parameter": ProviderUnable,
    "unsupported_value": ProviderUnable,
}
"""By `code`, else by `type`, of the error; what is not here goes by its status."""

CAPS = ("max_completion_tokens", "max_tokens")
"""The two names of the most tokens that may be answered; a server takes one of them."""

FINISHES: Mapping[str, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "function_call",
    "max_tokens": "length",
    "model_length": "length",
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "insufficient_system_resource": "length",
}
"""Why an answer ended, in OpenAI's words; any other word is an end by the model's own choice: `stop`."""


CHOOSES_IMAGE_FORM = "dall-e"
"""Models that answer with an address unless asked for the picture itself; newer ones always send the picture."""

DEFAULT_VOICE = "alloy"
SOUND_MEDIA: Mapping[str, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
SOUND_HEADS: tuple[tuple[str, int, bytes], ...] = (
    ("wav", 0, b"RIFF"),
    ("mp3", 0, b"ID3"),
    ("mp3", 0, b"\xff\xfb"),
    ("mp3", 0, b"\xff\xf3"),
    ("ogg", 0, b"OggS"),
    ("flac", 0, b"fLaC"),
    ("m4a", 4, b"ftyp"),
    ("webm", 0, b"\x1aE\xdf\xa3"),
)
"""The ending of a file's name, and the bytes at a place that tell it."""


class Server(Struct, frozen=True):
    """How one server differs.

    Shapes: `path` stands before an operation's own path and `query` after it; `cap` is one of CAPS; `unread` are wishes of
    other dialects that it refuses and is not told.
    """

    path: str = ""
    query: str = ""
    cap: str = "max_tokens"
    names_model: bool = True
    asks_usage: bool = True
    unread: tuple[str, ...] = ()


class Quirks(Struct, frozen=True):
    """What one family of models takes no part in: wishes and demands that it refuses, and the only name it knows for the cap.

    A wish (how freely to choose) is left out; a demand, without which the answer is another one, is refused here.
    """

    cap: str | None = None
    dropped: frozenset[str] = frozenset()
    unsayable: frozenset[str] = frozenset()


_WISHES = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
_DEMANDS = frozenset({"logprobs", "top_logprobs", "logit_bias"})
_REASONING = Quirks("max_completion_tokens", _WISHES, _DEMANDS)
_NEWER = Quirks("max_completion_tokens")
_THOUGHTLESS = frozenset({"reasoning_effort"})
_PLAIN = Quirks()

BY_MODEL: Mapping[str, Quirks] = {
    "o1": _REASONING,
    "o3": _REASONING,
    "o4": _REASONING,
    "gpt-5": _REASONING,
    "gpt-5.": _NEWER,
    "gpt-5-chat": Quirks("max_completion_tokens", _THOUGHTLESS),
    "gpt-4": Quirks(dropped=_THOUGHTLESS),
    "gpt-3.5": Quirks(dropped=_THOUGHTLESS),
    "chatgpt-4o": Quirks(dropped=_THOUGHTLESS),
    "gpt-6": _NEWER,
}
"""By the start of the model's name, the longest that fits, after any vendor's prefix (`openai/`)."""


def quirks_of(model: str) -> Quirks:
    """What is known of a model by its name."""
    name = model.rpartition("/")[2]
    fitting = [start for start in BY_MODEL if name.startswith(start)]
    return BY_MODEL[max(fitting, key=len)] if fitting else _PLAIN
