"""How Gemini is to answer: how freely, how long, how many times, in which form."""

from __future__ import annotations

from typing import Any

from headworks.targets.providers.chat_in import ANY_OBJECT, AskedChat, schema_of, stops_of, top_k_of
from headworks.targets.providers.gemini.facts import thinking_of

_SIMPLE = {
    "temperature": "temperature",
    "top_p": "topP",
    "seed": "seed",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
}


def settings_of(request: AskedChat, model: str, cap: int | None) -> dict[str, Any]:
    """The fields of `generationConfig`, those that are said.

    Raises: ProviderUnable for what is no number where one must be.
    """
    config = {theirs: getattr(request, ours) for ours, theirs in _SIMPLE.items()}
    config["candidateCount"] = request.n if (request.n or 1) > 1 else None
    if request.logprobs:
        config["responseLogprobs"] = True
        config["logprobs"] = request.top_logprobs or None
    config["topK"] = top_k_of(request)
    config["maxOutputTokens"] = cap
    config["thinkingConfig"] = thinking_of(model, request.reasoning_effort) or None
    config["stopSequences"] = stops_of(request) or None
    schema = schema_of(request)
    if schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = None if schema is ANY_OBJECT else schema
    return {name: value for name, value in config.items() if value is not None}
