"""Headworks: the API layer for AI. Importing this package runs nothing; names are found when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headworks import tasks
    from headworks.declare import Context, DType, Image, Model, Shape, model
    from headworks.mounted import asgi

__all__ = ["Context", "DType", "Image", "Model", "Shape", "asgi", "model", "tasks"]

_HOMES = {
    "Context": "headworks.declare",
    "DType": "headworks.declare",
    "Image": "headworks.declare",
    "Model": "headworks.declare",
    "Shape": "headworks.declare",
    "asgi": "headworks.mounted",
    "model": "headworks.declare",
}


def __getattr__(name: str) -> Any:
    """The public name, imported at its first use."""
    if name == "tasks":
        return import_module("headworks.tasks")
    if name not in _HOMES:
        raise AttributeError(f"module 'headworks' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
