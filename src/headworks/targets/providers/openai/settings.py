"""What a server of OpenAI's dialect may need said."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from headworks.targets.providers.openai.facts import DEFAULT_ADDRESS, OWN_HOST, WISHES_OF_OTHERS, Server
from headworks.targets.providers.options import options_of
from headworks.targets.providers.origins import origin_of
from headworks.targets.providers.wire import Origin, ProviderSettings


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """The name a server reads the cap on the answer under, and whether it can be asked for usage in a stream."""

    cap: Literal["max_tokens", "max_completion_tokens"] | None = None
    stream_usage: bool = True


def address_of(settings: ProviderSettings) -> Origin:
    """Where the server is: OpenAI itself unless said."""
    return origin_of(settings.base_url or DEFAULT_ADDRESS, settings.name)


def server_of(settings: ProviderSettings) -> Server:
    """How the server differs: OpenAI's own knows the newer name of the cap for every model, others mostly the older."""
    options = options_of(settings, Options)
    is_own = address_of(settings).host == OWN_HOST
    newer = "max_completion_tokens" if is_own else "max_tokens"
    unread = WISHES_OF_OTHERS if is_own else ()
    return Server(cap=options.cap or newer, asks_usage=options.stream_usage, unread=unread)
