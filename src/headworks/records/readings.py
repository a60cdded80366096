"""Who read content out of the record: what was recorded of each reading before it was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headworks.records.detail import detail_of
from headworks.records.opening import open_to_read
from headworks.stores.queries import load_queries
from headworks.units import iso_time


def readings(home: Path, most: int, since_ns: int | None = None) -> list[dict[str, Any]]:
    """The newest readings: when, by whom, and of what.

    Shapes: `what` is the request that was shown, or the filter of an export.
    Raises: HomeUnavailable.
    Cost: looks at every row down to the oldest that is listed; a second for some millions.
    """
    connection = open_to_read(home)
    sql = load_queries(__package__, "readings.sql")
    try:
        rows: list[Any] = connection.execute(sql["newest"], {"most": most, "since_ns": since_ns}).fetchall()
    finally:
        connection.close(True)
    return [
        {"at": iso_time(at_ns), "seq": seq, "by": caller_id, "what": detail_of(detail)}
        for seq, at_ns, caller_id, detail in rows
    ]
