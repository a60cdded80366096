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
    "content_digest",
    "input_digest",
    "output_digest",
    "usage",
    "cost_micros",
    "detail",
    "signature",
    "content",
)
"""What the leaf is made over, in this order: every column but the leaf."""
INSERTED = (*COMMITTED, "leaf")
"""The order in which a row is made and inserted."""
COLUMNS = (*COMMITTED[:-1], "leaf", "content")
"""The order in which a row is stored and read: the leaf lies before what may be large."""
LEAF = COLUMNS.index("leaf")
CONTENT = COLUMNS.index("content")
EXPIRES = INSERTED.index("expires_ns")
Row = tuple[Any, ...]
_encode = msgspec.msgpack.Encoder().encode


def leaf_of(committed: Row) -> bytes:
    """The leaf over the committed columns.

    Cost: about 0.6 µs.
    """
    return sha256(b"\x00" + _encode(committed)).digest()


def committed_of(row: Row) -> Row:
    """What the leaf of a row as it was read is made over."""
    return (*row[:LEAF], row[CONTENT])


def named(row: Row) -> dict[str, Any]:
    """A row as it was read, whole or without leaf and content, by column."""
    return dict(zip(COLUMNS, row, strict=False))
