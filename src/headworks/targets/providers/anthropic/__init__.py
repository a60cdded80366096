"""Anthropic's messages, on Anthropic's own service and where others host it."""

from headworks.targets.providers.anthropic.kind import KIND

__all__ = ["KIND"]
