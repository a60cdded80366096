"""The OpenAPI 3.1 document: each version a path of its own, with its real types, examples and errors.

Source: OpenAPI Specification 3.1.1. A version's schemas stand under `components/schemas` as they were published, with
their references moved along.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headworks.admin.answers import COMMON, parameters, responses
from headworks.admin.catalogue import CURRENT, accepted_media, path_of, status_of
from headworks.contract.problem import PROBLEM_SCHEMA
from headworks.contract.schema import CSV, EVENTS, JSON, MOST_ROWS, JsonObject, resolved
from headworks.units import SECOND_NS, iso_time
from headworks.values import Endpoint

SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
_DATA = frozenset({"const", "enum", "default", "examples", "example"})
"""Keywords whose value is data: a `$ref` inside is nobody's reference."""

_encode = msgspec.json.Encoder().encode


def openapi(endpoints: Iterable[Endpoint], wall_s: float, base: str = "/") -> bytes:
    """`GET /openapi.json` for a caller who may see these endpoints; `base` is where the service is mounted.

    Cost: milliseconds; keep it until the endpoints change.
    """
    paths: dict[str, Any] = {"/api": {"get": _listing()}}
    schemas: dict[str, Any] = {"Problem": PROBLEM_SCHEMA}
    tags = []
    for endpoint in endpoints:
        name = _component(endpoint)
        schemas[f"{name}.request"] = _moved(endpoint.contract.request.json, f"{name}.request")
        schemas[f"{name}.reply"] = _moved(endpoint.contract.reply.json, f"{name}.reply")
        paths[path_of(endpoint)] = {"get": _about(endpoint), "post": _call(endpoint, wall_s)}
        tags.append({"name": endpoint.name})
    document = {
        "openapi": "3.1.1",
        "info": {"title": "Headworks", "version": "1", "description": _ABOUT},
        "servers": [{"url": base}],
        "security": SECURITY,
        "tags": [tag for at, tag in enumerate(tags) if tag not in tags[:at]],
        "paths": paths | _health(),
        "components": {
            "schemas": schemas,
            "responses": COMMON,
            "parameters": _PARAMETERS,
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }
    return _encode(document)


def _component(endpoint: Endpoint) -> str:
    return f"{endpoint.name}.v{endpoint.version}"


def _reference(endpoint: Endpoint, side: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{_component(endpoint)}.{side}"}


def _moved(schema: Any, name: str) -> Any:
    """The schema with its local references led to where it now stands."""
    if isinstance(schema, list):
        return [_moved(item, name) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    moved: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref" and isinstance(value, str) and value.startswith("#"):
            moved[key] = f"#/components/schemas/{name}{value[1:]}"
        elif key == "mapping" and isinstance(value, Mapping):
            moved[key] = {tag: f"#/components/schemas/{name}{str(to)[1:]}" for tag, to in value.items()}
        else:
            moved[key] = value if key in _DATA else _moved(value, name)
    return moved


def _call(endpoint: Endpoint, wall_s: float) -> dict[str, Any]:
    status = status_of(endpoint, wall_s)
    return {
        "operationId": f"call_{endpoint.name}_v{endpoint.version}",
        "summary": f"Call {endpoint.name} v{endpoint.version}",
        "description": _described(endpoint),
        "tags": [endpoint.name],
        "deprecated": status != CURRENT,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS] + _fields(endpoint),
        "requestBody": {
            "required": True,
            "content": {media: _body(media, endpoint) for media in accepted_media(endpoint)},
        },
        "responses": responses({media: _answer(media, endpoint) for media in endpoint.contract.media}),
        "x-headworks": {
            "endpoint": endpoint.name,
            "version": endpoint.version,
            "status": status,
            "task": endpoint.task,
            "deprecated": _date(endpoint.deprecated_wall_s),
            "sunset": _date(endpoint.sunset_wall_s),
            "successor": endpoint.successor,
        },
    }


def _about(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "operationId": f"about_{endpoint.name}_v{endpoint.version}",
        "summary": f"About {endpoint.name} v{endpoint.version}",
        "description": "Schemas, status, limits and examples.",
        "tags": [endpoint.name],
        "responses": responses({JSON: {"schema": {"type": "object"}}}),
    }


def _body(media: str, endpoint: Endpoint) -> dict[str, Any]:
    contract = endpoint.contract
    row = _reference(endpoint, "request")
    if media == JSON:
        examples = {f"example-{at}": {"value": example} for at, example in enumerate(contract.examples, start=1)}
        return {"schema": _one_or_many(row, endpoint), **({"examples": examples} if examples else {})}
    if media == "multipart/form-data":
        return {"schema": _form(endpoint)}
    if media in {CSV, "text/plain"}:
        told = "A header row of field names, then one row an input." if media == CSV else "The text itself."
        return {"schema": {"type": "string", "description": told}}
    return {}


def _form(endpoint: Endpoint) -> dict[str, Any]:
    """The fields of a form: those of the request, the binary ones as files."""
    contract = endpoint.contract
    if contract.binary == ("",):
        return {"type": "object", "required": ["file"], "properties": {"file": _file(endpoint, "")}}
    root = resolved(contract.request.json, contract.request.json)
    fields = {name: _moved(field, f"{_component(endpoint)}.request") for name, field in root["properties"].items()}
    files = {name: _file(endpoint, name) for name in contract.binary}
    return {"type": "object", "properties": {**fields, **files}, "required": root.get("required", [])}


def _file(endpoint: Endpoint, name: str) -> dict[str, str]:
    is_picture = name in endpoint.contract.pictures
    return {"type": "string", "contentMediaType": "image/*" if is_picture else "application/octet-stream"}


def _fields(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The query parameters that go with a raw body: the fields beside the one that is binary."""
    contract = endpoint.contract
    if len(contract.binary) != 1 or contract.binary == ("",):
        return []
    root = resolved(contract.request.json, contract.request.json)
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": "With a raw body only.",
            "schema": _moved(field, f"{_component(endpoint)}.request"),
        }
        for name, field in root["properties"].items()
        if name not in contract.binary
    ]


def _answer(media: str, endpoint: Endpoint) -> dict[str, Any]:
    row = _reference(endpoint, "reply")
    if media == JSON:
        if endpoint.contract.is_stream:
            return {"schema": {"type": "array", "items": row}}
        return {"schema": _one_or_many(row, endpoint)}
    if media == EVENTS:
        told = "One event a result; each `data` is one reply. Then `event: end`, or `event: error` with a problem."
        return {"schema": {"type": "string", "description": told}, "x-event-schema": row}
    return {"schema": {"type": "string", "description": "A header row of field names, then one row an output."}}


def _one_or_many(row: JsonObject, endpoint: Endpoint) -> JsonObject:
    if not endpoint.contract.is_batch:
        return row
    return {"anyOf": [row, {"type": "array", "items": row, "minItems": 1, "maxItems": MOST_ROWS}]}


def _described(endpoint: Endpoint) -> str:
    contract = endpoint.contract
    told = [f"Task `{endpoint.task}`." if endpoint.task else "Custom types."]
    if contract.is_batch:
        told.append(f"One input, or an array of up to {MOST_ROWS}: an array is answered by an array.")
    if contract.is_stream:
        told.append("Streams with `Accept: text/event-stream`.")
    told.append(f"Answers within {endpoint.timeout_s:g} s.")
    if endpoint.rate is not None:
        told.append(f"At most {endpoint.rate.count:g} calls each {endpoint.rate.period_s:g} s.")
    told.append(_RECORDED[endpoint.record.value])
    return " ".join(told)


def _listing() -> dict[str, Any]:
    return {
        "operationId": "list_endpoints",
        "summary": "List the endpoints",
        "description": "Every endpoint and version this key may see.",
        "tags": ["catalogue"],
        "responses": responses({JSON: {"schema": {"type": "object"}}}),
    }


def _health() -> dict[str, Any]:
    def check(name: str, told: str) -> dict[str, Any]:
        answer = {"description": told, "content": {JSON: {"schema": {"type": "object"}}}}
        failing = {"503": {**answer, "description": "Not ready."}} if name == "ready" else {}
        get = {"operationId": f"health_{name}", "summary": told, "tags": ["health"], "security": []}
        return {
            "get": {
                **get,
                "responses": {"200": answer, **failing, "default": {"$ref": "#/components/responses/Problem"}},
            }
        }

    return {
        "/health/live": check("live", "The process answers."),
        "/health/ready": check("ready", "Calls can be served."),
    }


def _date(wall_s: float | None) -> str | None:
    return None if wall_s is None else iso_time(int(wall_s * SECOND_NS))


_PARAMETERS = parameters()
_RECORDED = {
    "full": "Every call is recorded, encrypted, with input and output.",
    "digest": "Every call is recorded, with digests of input and output.",
    "none": "Every call is recorded, without input and output.",
}
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key as `Authorization: Bearer ...`."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key as `X-API-Key`."},
}
_ABOUT = (
    "Versioned endpoints in front of models. Every answer carries `X-Request-Id`; errors are problem documents "
    "(RFC 9457) that name each wrong field by JSON pointer."
)
