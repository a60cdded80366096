"""One call as readers see it: a finished call's row, or an opened row and the closed row that ends it, as one object."""

from __future__ import annotations

from typing import Any

import msgspec

from headworks.records.columns import Row, named
from headworks.units import iso_time

_BYTES = ("subject", "input_digest", "output_digest")
_KEPT_BACK = (
    "leaf", "content", "content_digest", "signature", "kind", "refers_to", "at_ns", "expires_ns", "stages_us", "detail",
)  # fmt: skip
FROM_OPENED = ("subject", "mode", "data_key", "input_digest", "stages_us")


def call_of(row: Row, opened: Row | None = None) -> dict[str, Any]:
    """The call as plain data.

    Shapes: `state` is `done` or `running`; `seqs` are the record numbers it is made of; times are RFC 3339.
    """
    fields = named(row)
    seqs = [fields.pop("seq")]
    if opened is not None:
        first = named(opened)
        seqs.insert(0, first["seq"])
        fields |= {name: first[name] for name in FROM_OPENED if name != "stages_us" or fields["stages_us"] == "[]"}
    shown = {name: value for name, value in fields.items() if name not in _KEPT_BACK}
    shown |= {name: fields[name].hex() for name in _BYTES if fields[name] is not None}
    return {
        "request_id": shown.pop("request_id"),
        "at": iso_time(fields["at_ns"]),
        "state": "running" if fields["kind"] == "opened" else "done",
        "is_stream": fields["output_media"] == "text/event-stream",
        "seqs": seqs,
        **shown,
        "stages_us": msgspec.json.decode(fields["stages_us"]),
        "given": None if fields["detail"] is None else msgspec.json.decode(fields["detail"]),
        "usage": None if fields["usage"] is None else msgspec.json.decode(fields["usage"]),
        "kept_until": None if fields["expires_ns"] is None else iso_time(fields["expires_ns"]),
    }
