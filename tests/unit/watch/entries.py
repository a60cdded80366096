"""Entries as calls leave them behind."""

from headworks.recording import Entry
from headworks.units import RequestId


def make_entry(**facts):
    usual = {
        "caller_id": "abcdefgh",
        "endpoint": "sentiment",
        "version": 1,
        "target": "sentiment",
        "model_version": "1",
        "status": 200,
        "outcome": "ok",
        "attempts": 1,
        "rows": 2,
        "batch_rows": 3,
        "input_bytes": 100,
        "output_bytes": 50,
        "queue_us": 700,
        "run_us": 1500,
        "total_us": 3000,
    }
    route = facts.pop("route", "/api/{endpoint}/v{n}")
    return Entry(RequestId("01request"), 1_800_000_000_123_000_000, route, **{**usual, **facts})
