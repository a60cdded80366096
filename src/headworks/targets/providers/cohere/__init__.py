"""Cohere: chat, embeddings and rerank by its API of version 2."""

from headworks.targets.providers.cohere.kind import KIND

__all__ = ["KIND"]
