"""The standard tasks under their public name: `from headworks.tasks import text_classification`."""

from headworks.contract.tasks import (
    chat,
    embeddings,
    image_classification,
    names,
    object_detection,
    ocr,
    recommendation,
    schemas,
    tabular_classification,
    tabular_regression,
    text_classification,
    token_classification,
    translation,
)

__all__ = [
    "chat",
    "embeddings",
    "image_classification",
    "names",
    "object_detection",
    "ocr",
    "recommendation",
    "schemas",
    "tabular_classification",
    "tabular_regression",
    "text_classification",
    "token_classification",
    "translation",
]
