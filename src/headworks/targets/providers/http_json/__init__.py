"""Any JSON service by a declared mapping: the long tail needs no code."""

from headworks.targets.providers.http_json.kind import KIND

__all__ = ["KIND"]
