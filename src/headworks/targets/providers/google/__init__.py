"""Google Cloud: language, vision, translation and models behind one kind of provider."""

from headworks.targets.providers.google.kind import KIND

__all__ = ["KIND"]
