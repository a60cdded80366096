"""Hugging Face: the router of inference providers, task pipelines, and the servers TEI and TGI."""

from headworks.targets.providers.huggingface.kind import KIND

__all__ = ["KIND"]
