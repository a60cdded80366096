"""What an `Ask` holds, in the form most task services want it: a text or a picture, with its parameters."""

from __future__ import annotations

from binascii import a2b_base64

import msgspec
from msgspec import Struct

from headworks.contract.picture import NotPicture, Picture, Truncated, picture_of
from headworks.errors import FieldError, ProviderRefused
from headworks.targets.providers.wire import Ask

PICTURE_TASKS = frozenset({"image-classification", "object-detection", "ocr"})
"""Tasks whose input is one picture."""


class Parameters(Struct, frozen=True):
    """The parameters of every task that takes a text or a picture; a task's own schema lets only its own through."""

    top_k: int | None = None
    threshold: float | None = None
    ignore_labels: list[str] | None = None
    src_lang: str | None = None
    tgt_lang: str | None = None


class Asked(Struct, frozen=True):
    """One row: its input, "" where it was sent outside the JSON, and its parameters."""

    inputs: str = ""
    parameters: Parameters | None = None

    @property
    def wanted(self) -> Parameters:
        """The parameters, none of them set where the caller set none."""
        return self.parameters or _NONE


class Pictured(Struct, frozen=True):
    """One picture as sent, what its head says, and the parameters."""

    data: bytes
    head: Picture
    wanted: Parameters


_NONE = Parameters()
_decode = msgspec.json.Decoder(Asked).decode


def asked(ask: Ask) -> Asked:
    """The row; its schema was checked before."""
    return _decode(ask.document) if ask.document else Asked()


def pictured(ask: Ask) -> Pictured:
    """The picture of a row, sent beside the JSON or in it.

    Raises: ProviderRefused when its head cannot be read.
    """
    row = asked(ask)
    blob = next((data for name, data in ask.blobs if name in {"", "inputs"}), None)
    data = a2b_base64(row.inputs) if blob is None else blob
    try:
        return Pictured(data, picture_of(data), row.wanted)
    except (NotPicture, Truncated):
        raise ProviderRefused(errors=(FieldError("/inputs", "must be a whole PNG, JPEG, GIF or WebP"),)) from None
