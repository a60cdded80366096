"""The settings of kind `oip`."""

from __future__ import annotations

from msgspec import Struct


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """How the models of this server want to be asked.

    `inputs` and `outputs` name tensors that are called otherwise there, by the field of our request or reply. `is_batched`:
    a first dimension counts rows. `is_raw`: tensors as raw bytes (the binary tensor extension). `labels` name the classes
    of a model that answers chances only.
    """

    inputs: dict[str, str] = {}
    outputs: dict[str, str] = {}
    is_batched: bool = False
    is_raw: bool = False
    labels: tuple[str, ...] = ()
