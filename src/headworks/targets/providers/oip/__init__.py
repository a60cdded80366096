"""Models of other servers by the Open Inference Protocol: KServe, Triton, MLServer, another Headworks."""

from headworks.targets.providers.oip.kind import KIND

__all__ = ["KIND"]
