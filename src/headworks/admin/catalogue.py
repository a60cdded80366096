"""What is published, as its callers see it: the list of endpoints, and all about one version.

Pure functions of the endpoints a caller may see; who may see what is decided elsewhere.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import msgspec

from headworks.contract.schema import MOST_ROWS
from headworks.units import SECOND_NS, iso_time
from headworks.values import Endpoint

CURRENT, DEPRECATED, GONE = "current", "deprecated", "gone"

_encode = msgspec.json.Encoder().encode


def status_of(endpoint: Endpoint, wall_s: float) -> str:
    """`current`, `deprecated` or, past its sunset, `gone`."""
    if endpoint.sunset_wall_s is not None and endpoint.sunset_wall_s <= wall_s:
        return GONE
    if endpoint.deprecated_wall_s is not None and endpoint.deprecated_wall_s <= wall_s:
        return DEPRECATED
    return CURRENT


def path_of(endpoint: Endpoint) -> str:
    """Where the version is called."""
    return f"/api/{endpoint.name}/v{endpoint.version}"


def listing(endpoints: Iterable[Endpoint], wall_s: float) -> bytes:
    """`GET /api`: each endpoint with its versions, as JSON."""
    ordered = sorted(endpoints, key=lambda each: (each.name, each.version))
    found = [
        {"name": name, "versions": [_summary(each, wall_s) for each in versions]}
        for name, versions in groupby(ordered, key=lambda each: each.name)
    ]
    return _encode({"endpoints": found, "openapi": "/openapi.json", "docs": "/docs"})


def detail(endpoint: Endpoint, wall_s: float) -> bytes:
    """`GET /api/{endpoint}/v{n}`: everything a caller can know of one version, as JSON."""
    contract = endpoint.contract
    document = {
        "name": endpoint.name,
        **_summary(endpoint, wall_s),
        "is_batch": contract.is_batch,
        "is_stream": contract.is_stream,
        "most_rows": MOST_ROWS if contract.is_batch else 1,
        "max_body_bytes": endpoint.max_body_bytes,
        "timeout_s": endpoint.timeout_s,
        "rate": _rate(endpoint),
        "concurrency": endpoint.concurrency,
        "record": endpoint.record.value,
        "request": contract.request.json,
        "reply": contract.reply.json,
        "examples": contract.examples,
    }
    return _encode(document)


def accepted_media(endpoint: Endpoint) -> list[str]:
    """The types a request body may have."""
    contract = endpoint.contract
    media = ["application/json"]
    schema = contract.request.json
    if contract.binary:
        media.append("multipart/form-data")
    if len(contract.binary) == 1:
        media.append("image/*" if contract.pictures else "application/octet-stream")
    if not contract.binary and (schema.get("type") == "object" or "properties" in schema):
        media.append("text/csv")
    if not contract.binary and schema.get("type") == "string":
        media.append("text/plain")
    return media


def _summary(endpoint: Endpoint, wall_s: float) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "version": endpoint.version,
        "path": path_of(endpoint),
        "status": status_of(endpoint, wall_s),
        "is_default": endpoint.is_default,
        "task": endpoint.task,
        "deprecated": _date(endpoint.deprecated_wall_s),
        "sunset": _date(endpoint.sunset_wall_s),
        "successor": endpoint.successor,
        "accepts": accepted_media(endpoint),
        "answers": endpoint.contract.media,
    }


def _date(wall_s: float | None) -> str | None:
    return None if wall_s is None else iso_time(int(wall_s * SECOND_NS))


def _rate(endpoint: Endpoint) -> dict[str, float] | None:
    if endpoint.rate is None:
        return None
    return {"calls": endpoint.rate.count, "period_s": endpoint.rate.period_s, "burst": endpoint.rate.depth}
