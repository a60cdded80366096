"""OpenAI, and every server that speaks its dialect."""

from headworks.targets.providers.openai.kind import KIND

__all__ = ["KIND"]
