"""The closing entry of a call that a crash cut off."""

from headworks.recording import Entry
from headworks.records.columns import Row, named
from headworks.units import SECOND_NS, RequestId
from headworks.values import RecordMode

UNKNOWN_OUTCOME = "unknown_outcome"


def unknown_outcome(opened: Row) -> Entry:
    """What can be said of a call whose opened row has no closed one: who, what, when, and that its end is unknown."""
    row = named(opened)
    return Entry(
        request_id=RequestId(row["request_id"]),
        at_wall_ns=row["at_ns"],
        route=row["route"],
        via=row["via"],
        caller_id=row["caller_id"],
        endpoint=row["endpoint"],
        version=row["version"],
        target=row["target"],
        model_version=row["model_version"],
        outcome=UNKNOWN_OUTCOME,
        rows=row["rows"],
        client_request_id=row["client_request_id"],
        input_bytes=row["input_bytes"],
        mode=RecordMode.NONE,
        retention_s=None if row["expires_ns"] is None else (row["expires_ns"] - row["at_ns"]) / SECOND_NS,
    )
