"""Tabular classification: one row of named columns in, its class and the chance of every class out.

The columns are the model's own; a model's announced schema says more than this one.
Source: Hugging Face task `tabular-classification`; the reply is our own shape.
"""

from typing import Any

from msgspec import Struct

NAME = "tabular-classification"

Request = dict[str, Any]


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """The most likely class, its chance (0 to 1), and the chance of every class by name."""

    label: str
    score: float
    probabilities: dict[str, float]
