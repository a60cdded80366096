"""Amazon Web Services: language, vision, translation, document and model services behind one kind of provider."""

from headworks.targets.providers.aws.kind import KIND

__all__ = ["KIND"]
