"""Google's Gemini models, by key at the Gemini API; the same operations by token on Vertex AI."""

from headworks.targets.providers.gemini.kind import KIND

__all__ = ["KIND"]
