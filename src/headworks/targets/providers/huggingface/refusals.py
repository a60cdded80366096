"""What errors of Hugging Face's services and servers mean to us.

Source: huggingface_hub (errors of the inference client); the routers of Text Embeddings Inference and Text Generation
Inference (`error_type`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from headworks.errors import (
    ContextTooLong,
    HeadworksError,
    ProviderBusy,
    ProviderDown,
    ProviderRefused,
)
from headworks.targets.providers.failing import LONGEST_RETRY_AFTER_S, Told, failed
from headworks.targets.providers.wire import HttpResponse

BY_CODE: Mapping[str, type[HeadworksError]] = {
    "Unhealthy": ProviderBusy,
    "Backend": ProviderDown,
    "Overloaded": ProviderBusy,
    "Validation": ProviderRefused,
    "Tokenizer": ProviderRefused,
    "Empty": ProviderRefused,
    "generation": ProviderDown,
    "incomplete_generation": ProviderDown,
    "overloaded": ProviderBusy,
    "validation": ProviderRefused,
    "template_error": ProviderRefused,
    "tool_error": ProviderRefused,
    "batch_size": ContextTooLong,
}
"""By `error_type`; what is not here goes by its status."""


class _Body(Struct, frozen=True):
    error: str | list[str] = ""
    error_type: str = ""
    estimated_time: float | None = None


_decode = msgspec.json.Decoder(_Body).decode


def refused(response: HttpResponse) -> HeadworksError:
    """What a response outside 2xx means; a model that is being loaded says in how many seconds it may be there."""
    try:
        body = _decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        body = _Body()
    text = body.error if isinstance(body.error, str) else "; ".join(body.error)
    error = failed(
        Told((body.error_type,) if body.error_type else (), text), BY_CODE, response.status, response.headers
    )
    if isinstance(error, ProviderBusy) and error.retry_after_s is None and body.estimated_time is not None:
        error.retry_after_s = min(max(body.estimated_time, 0.0), LONGEST_RETRY_AFTER_S)
    return error
