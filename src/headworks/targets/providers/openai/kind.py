"""Kind `openai`: OpenAI, and with `base_url` any server that speaks its dialect (vLLM, llama.cpp, Ollama, Groq, Mistral ...)."""

from __future__ import annotations

from headworks.targets.providers.key_header import NoKey, key_headers, needed_keys
from headworks.targets.providers.offers import built, tasks_of
from headworks.targets.providers.openai.facts import OWN_HOST
from headworks.targets.providers.openai.offers import OFFERS
from headworks.targets.providers.openai.settings import Options, address_of
from headworks.targets.providers.options import named
from headworks.targets.providers.wire import Bound, ProviderSettings


class OpenAi:
    """Binds a task to a model of an OpenAI-like server."""

    name = "openai"
    options: tuple[str, ...] = Options.__struct_fields__

    def tasks(self, reference: str) -> tuple[str, ...]:
        """Every task of the dialect, for any model."""
        return tasks_of(OFFERS, reference)

    def bind(self, settings: ProviderSettings, reference: str, task: str) -> Bound:
        """The operation that serves a task with this model; only OpenAI itself needs a key.

        Raises: ConfigurationRefused.
        """
        operation = built(OFFERS, settings, named(reference, settings), task)
        origin = address_of(settings)
        keys = needed_keys(settings) if origin.host == OWN_HOST else key_headers(settings) or (NoKey(),)
        return Bound(operation, origin, keys)


KIND = OpenAi()
