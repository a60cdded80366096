"""The columns of `records`, and the leaf that commits to them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

COMMITTED = (
    "seq",
    "kind",
    "request_id",
    "refers_to",
    "at_ns",
    "route",
    "via",
    "caller_id",
    "subject",
    "endpoint",
    "version",
    "target",
    "model_version",
    "status",
    "outcome",
    "attempts",
    "rows",
    "batch_rows",
    "client_request_id",
    "input_bytes",
    "output_bytes",
    "queue_us",
    "run_us",
    "total_us",
    "stages_us",
    "mode",
    "expires_ns",
    "output_media",
    "data_key",
    "input_digest",
    "output_digest",
    "detail",
    "signature",
)
"""What the leaf is made over, in this order; content enters by its digest."""
COLUMNS = (*COMMITTED, "leaf", "input", "output")
LEAF = COLUMNS.index("leaf")
EXPIRES = COLUMNS.index("expires_ns")
Row = tuple[Any, ...]
_encode = msgspec.msgpack.Encoder().encode


def leaf_of(committed: Row) -> bytes:
    """The leaf over the committed columns.

    Cost: about 1.5 µs.
    """
    return sha256(b"\x00" + _encode(committed)).digest()


def named(row: Row) -> dict[str, Any]:
    """A row, whole or without leaf and content, by column."""
    return dict(zip(COLUMNS, row, strict=False))
