"""OpenAI's models on Azure: the same dialect at other addresses, with keys and tokens of Azure's own."""

from headworks.targets.providers.azure.kind import KIND

__all__ = ["KIND"]
