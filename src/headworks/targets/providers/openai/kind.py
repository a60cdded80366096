"""Kind `openai`: OpenAI, and with `base_url` any server that speaks its dialect (vLLM, llama.cpp, Ollama, Groq, Mistral ...)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from headworks.errors import ConfigurationRefused, FieldError
from headworks.targets.providers.binding import of_task, options_of, origin_of
from headworks.targets.providers.key_header import NoKey, key_headers
from headworks.targets.providers.openai.chat import OpenAiChat
from headworks.targets.providers.openai.embeddings import OpenAiEmbeddings
from headworks.targets.providers.openai.facts import DEFAULT_ADDRESS, OWN_HOST, Server
from headworks.targets.providers.wire import Bound, Operation, ProviderSettings


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What a server may need said: the name it reads the cap on the answer under, and whether it can tell usage in streams."""

    cap: Literal["max_tokens", "max_completion_tokens"] | None = None
    stream_usage: bool = True


def makers(server: Server) -> Mapping[str, Callable[[str], Operation]]:
    """What makes the operation for each task, given the model's name."""
    return {
        "chat": lambda model: OpenAiChat(model, server),
        "embeddings": lambda model: OpenAiEmbeddings(model=model, server=server),
    }


class OpenAi:
    """Binds a task to a model of an OpenAI-like server; a reference is the model's name."""

    name = "openai"

    def tasks(self, reference: str) -> tuple[str, ...]:
        """Every task of the dialect: a model's name does not tell which of them it is for."""
        return tuple(makers(Server())) if reference else ()

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation that serves a task with this model.

        Raises: ConfigurationRefused.
        """
        options = options_of(settings, Options)
        origin = origin_of(settings, DEFAULT_ADDRESS)
        is_own = origin.host == OWN_HOST
        if is_own and not settings.keys:
            where = FieldError(f"/providers/{settings.name}/api_key", "is required for api.openai.com")
            raise ConfigurationRefused(errors=(where,))
        cap = options.cap or ("max_completion_tokens" if is_own else "max_tokens")
        server = Server(cap=cap, asks_usage=options.stream_usage)
        return Bound(of_task(settings, task, makers(server), reference), origin, key_headers(settings) or (NoKey(),))


KIND = OpenAi()
