"""Tabular regression: one row of named columns in, one number out.

The columns are the model's own; a model's announced schema says more than this one.
Source: Hugging Face task `tabular-regression`; the reply is our own shape.
"""

from typing import Any

from msgspec import Struct

NAME = "tabular-regression"

Request = dict[str, Any]


class Reply(Struct, frozen=True, forbid_unknown_fields=True):
    """The predicted value."""

    prediction: float
